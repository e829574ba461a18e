import { type ChildProcess, execFile, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { authority, deviceCertificate, x509Group } from '../support/certificates.ts';
import { emulatedInstance, GROUP_KEY, ID_SCOPE, OTHER_KEY } from '../support/emulated-instance.ts';
import { hubLogin } from '../support/hub-devices.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const SCRIPT = fileURLToPath(new URL('../support/sdk-hub-device.cjs', import.meta.url));
const MQTT_PORT = 8883;
/**
 * Of loopback, and of this process alone: the SDK connects to a hub at the port of MQTT over TLS, wherever that hub is. Process IDs
 * have 22 bits.
 */
const HUB_ADDRESS = `127.${128 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

let emulator: TestEmulator;
let devices: ChildProcess;
let certificate: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  const root = await authority('Root');
  const { certificatePem: cert, privateKeyPem: key } = await deviceCertificate('sdk-x', root);
  certificate = { cert, key };
  const [group] = emulatedInstance().enrollmentGroups;
  if (group === undefined) throw new Error('no group');
  const initialTwin = { properties: { desired: { interval: 60 } } };
  emulator = await startTestEmulator({
    host: HUB_ADDRESS,
    hubPort: MQTT_PORT,
    instances: [
      emulatedInstance({ enrollmentGroups: [{ ...group, initialTwin }, x509Group('line-x', root, { initialTwin })] }),
    ],
    behavior: { retryAfterSeconds: 0, assignmentDelayMs: 0 },
  });
  devices = fork(SCRIPT, { env: { ...process.env, NODE_EXTRA_CA_CERTS: emulator.caFile }, execArgv: [] });
});
afterAll(async () => {
  const ended = once(devices, 'exit');
  devices.disconnect();
  await ended;
  await emulator.close();
});

/** Lets a device go its way, or waits for its next message. */
async function answerOf(registrationId: string, task: object | null = null): Promise<Record<string, unknown>> {
  const answer = new Promise<Record<string, unknown>>((resolve) => {
    const listen = (message: Record<string, unknown>): void => {
      if (message['registrationId'] !== registrationId) return;
      devices.off('message', listen);
      resolve(message);
    };
    devices.on('message', listen);
  });
  const host = `${HUB_ADDRESS}:${emulator.port}`;
  const gateway = `${HUB_ADDRESS}:${MQTT_PORT}`;
  if (task !== null) devices.send({ host, idScope: ID_SCOPE, registrationId, gateway, ...task });
  return answer;
}

describe("Microsoft's Node device SDK", () => {
  it.each([
    ['with the key of its group, through a gateway', 'sdk-1', false],
    ['with a certificate, at the name of its hub', 'sdk-x', true],
  ])('provisions a device and connects it to the hub %s', async (_, registrationId, isX509) => {
    const key = deriveDeviceKey(GROUP_KEY, registrationId);
    const task = isX509 ? { certificate, hubAddress: HUB_ADDRESS } : { key, hubKey: key };
    const first = await answerOf(registrationId, task);
    expect(first).toMatchObject({ assigned: { deviceId: registrationId }, desired: { interval: 60, $version: 1 } });
    const { assignedHub: hub } = first['assigned'] as { readonly assignedHub: string };
    expect(emulator.hubs.device(hub, registrationId)).toMatchObject({
      connectionState: 'Connected',
      authentication: { type: isX509 ? 'certificateAuthority' : 'sas' },
      twin: { properties: { reported: { fw: '1.2', $version: 2 } } },
      telemetry: { messages: 1, lastProperties: { room: 'a b' } },
    });
    const changed = answerOf(registrationId);
    emulator.hubs.setDesired(hub, registrationId, { interval: 5 });
    expect(await changed).toMatchObject({ interval: 5 });
    await expect.poll(() => emulator.hubs.device(hub, registrationId)?.connectionState).toBe('Disconnected');
  });

  it('is refused with a wrong key', async () => {
    const task = { key: deriveDeviceKey(GROUP_KEY, 'sdk-2'), hubKey: OTHER_KEY };
    expect(await answerOf('sdk-2', task)).toMatchObject({ error: 'UnauthorizedError' });
    expect(emulator.logged.join('\n')).toMatch(/CONNACK 5 to "sdk-2": the token is signed with none/);
  });
});

const hasMosquitto = spawnSync('mosquitto_pub', ['--help']).error === undefined;
// Skipping must be seen, and never happen where the project is judged.
if (!hasMosquitto && process.env['CI'] === 'true') throw new Error('install the Debian package mosquitto-clients');

describe.skipIf(!hasMosquitto)('mosquitto_pub (needs mosquitto-clients)', () => {
  it('sends telemetry to the hub of a device', async () => {
    const registered = [...emulator.records()].find(({ registrationId }) => registrationId === 'sdk-1');
    const hub = registered?.assignedHub ?? '';
    const { username, password } = hubLogin({ hub, id: 'sdk-1' });
    const place = ['-h', HUB_ADDRESS, '-p', String(MQTT_PORT), '--cafile', emulator.caFile, '-V', 'mqttv311'];
    const login = ['-i', 'sdk-1', '-u', username, '-P', password];
    const message = ['-t', 'devices/sdk-1/messages/events/', '-q', '1', '-m', '{}'];
    await promisify(execFile)('mosquitto_pub', [...place, ...login, ...message]);
    expect(emulator.hubs.device(hub, 'sdk-1')).toMatchObject({ telemetry: { messages: 2 } });
  });
});
