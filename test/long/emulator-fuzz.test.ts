import type { Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { TWIN_ANSWER_FILTER, telemetryTopic, twinGetTopic } from '../../src/dps/hub-topics.ts';
import { EVERY_FAULT, EVERY_HUB_FAULT } from '../fuzz/every-fault.ts';
import { fuzzHubs, HUB_CELLS } from '../fuzz/fuzz-hubs.ts';
import { fuzzService, SERVICE_CELLS } from '../fuzz/fuzz-service.ts';
import { drawLogin, HUB_PACKETS, type KnownDevice, knownDevices } from '../fuzz/hostile-hub-devices.ts';
import { hostileBytes } from '../fuzz/hostile-packets.ts';
import { attackPlain, attackTls } from '../fuzz/hostile-sockets.ts';
import { SeededRandom } from '../fuzz/seeded-random.ts';
import { x509Attestation } from '../support/certificates.ts';
import { connectPacket, publishPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { emulatedInstance, individualEnrollment } from '../support/emulated-instance.ts';
import { hubConnectPacket } from '../support/hub-devices.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { HUB } from '../support/simulated-hubs.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const SEEDS = 10;
const PIECES_PER_SEED = 15_000;

/** To see a failure again: the seed that it names, in the short form of this test. */
const seeds = Array.from({ length: SEEDS }, (_, n) => Date.now() + n);

const PORTS = [
  { port: 'the service', fuzz: fuzzService, cellsMax: SERVICE_CELLS, faults: EVERY_FAULT },
  { port: 'the hubs', fuzz: fuzzHubs, cellsMax: HUB_CELLS, faults: EVERY_HUB_FAULT },
] as const;

describe.each(PORTS)(`${SEEDS * PIECES_PER_SEED} hostile packets and byte streams to $port`, ({
  fuzz,
  cellsMax,
  faults,
}) => {
  const cells = new Set<string>();
  it.each(seeds)('break nothing with seed %i', async (seed) => {
    const report = await fuzz(seed, PIECES_PER_SEED);
    expect(report.violations).toEqual([]);
    for (const cell of report.cells) cells.add(cell);
  });

  it('were of every packet type in every state', () => {
    expect(cells.size).toBe(cellsMax);
  });

  it.each(seeds)('break nothing while every fault strikes, with seed %i', async (seed) => {
    const report = await fuzz(seed, PIECES_PER_SEED, faults);
    expect(report.violations).toEqual([]);
    expect(report.faults).toBeGreaterThan(500);
  });
});

const CONNECTIONS = 1_000;
const AT_ONCE = 20;
const HEAP_GROWTH_BYTES_MAX = 50 * 2 ** 20;

describe('the hub port over real sockets', () => {
  it('outlives hostile devices with right and wrong credentials, leaks nothing, and serves honest ones as before', async () => {
    const devices = await knownDevices();
    const emulator = await startEmulatorFor([...devices.provisioned, ...devices.victims]);
    for (const device of devices.provisioned) await register(emulator, device);
    for (const id of ['honest', 'disabled-0']) await register(emulator, { id, certificate: null });
    emulator.hubs.setStatus(HUB, 'disabled-0', 'disabled');
    const before = await dialogue(emulator);
    const heapBytes = process.memoryUsage().heapUsed;
    const random = new SeededRandom(Date.now());
    const address = hubAddress(emulator);
    const attack = (n: number): Promise<void> => {
      if (n % 10 === 0) return attackPlain(address, () => random.bytes(100));
      const login = drawLogin(devices, random);
      const { certificate, serverName } = login;
      const proof = certificate === null ? {} : { cert: certificate.certificatePem, key: certificate.privateKeyPem };
      return attackTls(address, { servername: serverName ?? HUB, ...proof }, (step) =>
        hostileBytes(HUB_PACKETS, step, login, random),
      );
    };
    for (let n = 0; n < CONNECTIONS; n += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => attack(n + k)));
    }
    await expect.poll(() => emulator.openConnections(), { timeout: 10_000 }).toBe(0);
    expect(await dialogue(emulator)).toEqual(before);
    expect(before).toEqual(['connack 0', 'suback', '$iothub/twin/res/200/?$rid=1', 'puback']);
    expect(emulator.hubs.device(HUB, 'disabled-0')).toMatchObject({ telemetry: { messages: 0 } });
    await expect.poll(() => emulator.hubs.list()[0]?.openConnections).toBe(0);
    expect(emulator.hubs.list()[0]?.connectsAccepted).toBeGreaterThan(CONNECTIONS / 10);
    expect(process.memoryUsage().heapUsed - heapBytes).toBeLessThan(HEAP_GROWTH_BYTES_MAX);
    await emulator.close();
  });
});

const hubAddress = ({ host, hubPort, caPem }: TestEmulator) => ({ host, port: hubPort ?? 0, caPem });

function startEmulatorFor(devices: readonly KnownDevice[]): Promise<TestEmulator> {
  const [hub] = emulatedInstance().linkedHubs;
  if (hub === undefined) throw new Error('no hub');
  const individualEnrollments = devices.flatMap(({ id, certificate }) =>
    certificate === null
      ? []
      : [individualEnrollment({ registrationId: id, attestation: x509Attestation('client', certificate) })],
  );
  return startTestEmulator({
    instances: [emulatedInstance({ linkedHubs: [{ ...hub, hostName: HUB }], individualEnrollments })],
    hubPort: 0,
    behavior: { assignmentDelayMs: 0 },
    limits: { connectTimeoutMs: 1_000, packetTimeoutMs: 1_000 },
  });
}

async function register(emulator: TestEmulator, { id, certificate }: Pick<KnownDevice, 'id' | 'certificate'>) {
  const proof = certificate === null ? {} : { cert: certificate.certificatePem, key: certificate.privateKeyPem };
  const device = await ScriptedDevice.open(emulator, proof);
  await device.exchange(connectPacket(id, certificate === null ? {} : { password: undefined }));
  await device.exchange(subscribePacket(0));
  expect(await device.exchange(registerPacket('1'))).toMatchObject({ topic: expect.stringContaining('/202/') });
  device.close();
}

/** What a device that behaves gets from its hub. */
async function dialogue(emulator: TestEmulator): Promise<readonly string[]> {
  const device = await ScriptedDevice.open(hubAddress(emulator), { servername: HUB });
  const packets: readonly Packet[] = [
    hubConnectPacket({ hub: HUB, id: 'honest' }),
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: TWIN_ANSWER_FILTER, qos: 0 }] },
    publishPacket(twinGetTopic('1')),
    publishPacket(telemetryTopic('honest'), 1, '{"t":21}'),
  ];
  const answers: string[] = [];
  for (const packet of packets) {
    const answer = await device.exchange(packet);
    if (answer?.cmd === 'publish') answers.push(answer.topic);
    else answers.push(answer?.cmd === 'connack' ? `connack ${answer.returnCode}` : `${answer?.cmd}`);
  }
  device.close();
  return answers;
}
