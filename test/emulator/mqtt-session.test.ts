import { generate, type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { DEVICE_KEY, ID_SCOPE, OTHER_KEY } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const ID = 'my-symkey-device';
const REGISTER = '$dps/registrations/PUT/iotdps-register/?$rid=';
const RESPONSES = '$dps/registrations/res/#';

let emulator: TestEmulator;
const devices: ScriptedDevice[] = [];

beforeAll(async () => {
  emulator = await startTestEmulator({ behavior: { assignmentDelayMs: 0 } });
});
afterEach(() => {
  for (const device of devices.splice(0)) device.close();
});
afterAll(() => emulator.close());

async function open(): Promise<ScriptedDevice> {
  const device = await ScriptedDevice.open(emulator);
  devices.push(device);
  return device;
}

function connectPacket(settings: object = {}): Packet {
  const password = Buffer.from(buildSasToken(ID_SCOPE, ID, DEVICE_KEY, 4_000_000_000));
  const username = `${ID_SCOPE}/registrations/${ID}/api-version=2021-06-01`;
  const packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: ID, username, password } as const;
  return { ...packet, clean: true, keepalive: 0, ...settings };
}

/** The bytes of a CONNECT of MQTT 3.1.1, with another name and level of the protocol. */
function withProtocol(packet: Packet, name: string, level: number): Buffer {
  const bytes = generate(packet);
  const headerBytes = 1 + bytes.subarray(1).findIndex((byte) => byte < 0x80) + 1;
  const rest = bytes.subarray(headerBytes + 2 + 'MQTT'.length + 1);
  const protocol = Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(level)]);
  const length = protocol.length + rest.length;
  return Buffer.concat([Buffer.of(0x10, (length & 0x7f) | 0x80, length >> 7), protocol, rest]);
}

const subscribe = (topic: string, qos: 0 | 1 | 2): Packet => ({
  cmd: 'subscribe',
  messageId: 9,
  subscriptions: [{ topic, qos }],
});

const publish = (topic: string, qos: 0 | 1 | 2, payload: string | Buffer = ''): Packet => ({
  cmd: 'publish',
  topic,
  payload,
  qos,
  messageId: 7,
  dup: false,
  retain: false,
});

async function connected(settings: object = {}): Promise<ScriptedDevice> {
  const device = await open();
  expect(await device.exchange(connectPacket(settings))).toMatchObject({ cmd: 'connack', returnCode: 0 });
  return device;
}

describe('CONNECT', () => {
  it('that is refused leaves a line in the log', async () => {
    await (await open()).exchange(connectPacket({ clientId: 'another' }));
    expect(emulator.logged.at(-1)).toMatch(/CONNACK 5 to "another": client ID differs/);
  });

  it.each([
    ['level 0', 'MQTT', 0],
    ['level 6', 'MQTT', 6],
    ['level 3 under the new name', 'MQTT', 3],
    ['the level of a bridge', 'MQTT', 0x84],
    ['the old name', 'MQIsdp', 4],
  ])('of a protocol with %s: CONNACK 1, and the connection closed', async (_, name, level) => {
    const device = await open();
    device.socket.write(withProtocol(connectPacket(), name, level));
    expect(await device.receive()).toMatchObject({ cmd: 'connack', returnCode: 1, sessionPresent: false });
    expect(await device.receive()).toBeNull();
    expect(emulator.logged.at(-1)).toContain(`protocol ${name} ${level}`);
  });

  it('with the same client ID and a wrong key closes no connection, and is closed by the right one', async () => {
    const stranger = { password: Buffer.from(buildSasToken(ID_SCOPE, ID, OTHER_KEY, 4_000_000_000)) };
    const right = await connected();
    const wrong = await connected(stranger);
    expect(await right.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
    await wrong.exchange(subscribe(RESPONSES, 1));
    expect(await wrong.exchange(publish(`${REGISTER}1`, 0))).toMatchObject({
      topic: '$dps/registrations/res/401/?$rid=1',
    });
    const again = await connected();
    expect(await right.receive()).toBeNull();
    again.close();
    await expect.poll(() => emulator.openConnections()).toBe(1);
    const first = await connected(stranger);
    await connected();
    expect(await first.receive()).toBeNull();
  });
});

it('a message of a megabyte closes the connection', async () => {
  const device = await connected();
  expect(await device.exchange(publish(`${REGISTER}1`, 0, Buffer.alloc(1024 * 1024)))).toBeNull();
});
