import { generate, type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { DEVICE_KEY, ID_SCOPE, OTHER_KEY } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const ID = 'my-symkey-device';
const REGISTER = '$dps/registrations/PUT/iotdps-register/?$rid=';
const POLL = '$dps/registrations/GET/iotdps-get-operationstatus/?$rid=';
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

async function subscribed(qos: 0 | 1 | 2 = 1): Promise<ScriptedDevice> {
  const device = await connected();
  await device.exchange(subscribe(RESPONSES, qos));
  return device;
}

describe('CONNECT', () => {
  it.each([
    ['clean session', { clean: true }],
    ['kept session', { clean: false }],
    ['keep-alive', { keepalive: 240 }],
    ['client ID in another case', { clientId: ID.toUpperCase() }],
    ['a will', { will: { topic: 'a', payload: Buffer.from('b'), qos: 0, retain: false } }],
  ])('%s: 0, and no session present', async (_, settings) => {
    expect(await (await open()).exchange(connectPacket(settings))).toMatchObject({
      returnCode: 0,
      sessionPresent: false,
    });
  });

  it.each([
    ['MQTT 5', { protocolVersion: 5 }, 1],
    ['MQTT 3.1', { protocolId: 'MQIsdp', protocolVersion: 3 }, 1],
    ['unknown ID scope', { username: `0neFFFFFFFF/registrations/${ID}/api-version=2021-06-01` }, 3],
    ['no user name', { username: undefined, password: undefined }, 4],
    ['client ID of another', { clientId: 'another' }, 5],
    ['empty password', { password: Buffer.alloc(0) }, 5],
  ])('%s: refused, and the connection closed', async (_, settings, returnCode) => {
    const device = await open();
    expect(await device.exchange(connectPacket(settings))).toMatchObject({ cmd: 'connack', returnCode });
    expect(await device.receive()).toBeNull();
    expect(emulator.logged.at(-1)).toMatch(new RegExp(`CONNACK ${returnCode} to `));
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

  it('must come first, and once', async () => {
    expect(await (await open()).exchange({ cmd: 'pingreq' })).toBeNull();
    expect(await (await connected()).exchange(connectPacket())).toBeNull();
  });

  it('with the same client ID closes the first connection', async () => {
    const first = await connected();
    const second = await connected();
    expect(await first.receive()).toBeNull();
    expect(await second.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
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

describe('SUBSCRIBE', () => {
  it.each([
    [RESPONSES, 0, 0],
    [RESPONSES, 1, 1],
    [RESPONSES, 2, 1],
    ['$dps/registrations/res/+', 1, 128],
    ['#', 0, 128],
  ] as const)('%s with QoS %i is granted %i', async (topic, qos, granted) => {
    const device = await connected();
    expect(await device.exchange(subscribe(topic, qos))).toMatchObject({
      cmd: 'suback',
      messageId: 9,
      granted: [granted],
    });
  });

  it('decides the QoS of answers', async () => {
    for (const qos of [0, 1] as const) {
      const device = await subscribed(qos);
      expect(await device.exchange(publish(`${REGISTER}1`, 0))).toMatchObject({ cmd: 'publish', qos });
    }
  });

  it('without it, or after UNSUBSCRIBE, no answer is sent', async () => {
    const device = await connected();
    expect(await device.exchange(publish(`${REGISTER}1`, 1))).toMatchObject({ cmd: 'puback', messageId: 7 });
    expect(await device.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
    await device.exchange(subscribe(RESPONSES, 1));
    const unsubscribe: Packet = { cmd: 'unsubscribe', messageId: 10, unsubscriptions: [RESPONSES] };
    expect(await device.exchange(unsubscribe)).toMatchObject({ cmd: 'unsuback', messageId: 10 });
    await device.exchange(publish(`${REGISTER}1`, 1));
    expect(await device.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
  });
});

describe('PUBLISH', () => {
  it('with QoS 1 is acknowledged before it is answered', async () => {
    const device = await subscribed();
    expect(await device.exchange(publish(`${REGISTER}a-1`, 1))).toMatchObject({ cmd: 'puback', messageId: 7 });
    const topic = '$dps/registrations/res/202/?$rid=a-1&retry-after=3';
    expect(await device.receive()).toMatchObject({ cmd: 'publish', topic, qos: 1 });
  });

  it('leads from register to assigned', async () => {
    const device = await subscribed();
    const accepted = await device.exchange(publish(`${REGISTER}1`, 0));
    if (accepted?.cmd !== 'publish') throw new Error('no answer');
    const { operationId } = JSON.parse(accepted.payload.toString());
    const done = await device.exchange(publish(`${POLL}2&operationId=${operationId}`, 0, ' '));
    expect(done).toMatchObject({ topic: '$dps/registrations/res/200/?$rid=2' });
    if (done?.cmd !== 'publish') throw new Error('no answer');
    expect(JSON.parse(done.payload.toString()).registrationState.status).toBe('assigned');
  });

  it('echoes any request ID', async () => {
    const device = await subscribed();
    for (const requestId of ['0', 'a'.repeat(500), '%24', 'é', 'x&y=1']) {
      const answer = await device.exchange(publish(`${REGISTER}${requestId}`, 0));
      const [echoed] = requestId.split('&');
      expect(answer).toMatchObject({ topic: `$dps/registrations/res/202/?$rid=${echoed}&retry-after=3` });
    }
  });

  it.each([
    ['with QoS 2', `${REGISTER}1`, 2, ''],
    ['to another topic', 'devices/a/messages/events/', 0, ''],
    ['without a request ID', '$dps/registrations/PUT/iotdps-register/?', 0, ''],
    ['to a topic with a wildcard', `${REGISTER}#`, 0, ''],
    ['of more than 96 KB', `${REGISTER}1`, 0, Buffer.alloc(96 * 1024 + 1)],
    ['of a megabyte', `${REGISTER}1`, 0, Buffer.alloc(1024 * 1024)],
  ] as const)('%s closes the connection', async (_, topic, qos, payload) => {
    expect(await (await subscribed()).exchange(publish(topic, qos, payload))).toBeNull();
  });

  it('of 96 KB is taken', async () => {
    const body = JSON.stringify({ payload: 'x'.repeat(96 * 1024 - 14) });
    expect(body.length).toBe(96 * 1024);
    expect(await (await subscribed()).exchange(publish(`${REGISTER}1`, 0, body))).toMatchObject({ cmd: 'publish' });
  });

  it('may arrive byte by byte', async () => {
    const device = await subscribed();
    for (const byte of generate(publish(`${REGISTER}1`, 0))) device.socket.write(Buffer.of(byte));
    expect(await device.receive()).toMatchObject({ cmd: 'publish' });
  });
});

it('ends the connection at DISCONNECT', async () => {
  expect(await (await connected()).exchange({ cmd: 'disconnect' })).toBeNull();
});

it('ends a silent connection after one and a half times the keep-alive time', async () => {
  const device = await connected({ keepalive: 1 });
  expect(await device.exchange({ cmd: 'pingreq' })).toMatchObject({ cmd: 'pingresp' });
  expect(await device.receive()).toBeNull();
  expect(emulator.logged.at(-1)).toContain('keep-alive');
});

describe('behavior that can be chosen', () => {
  let chosen: TestEmulator;
  beforeAll(async () => {
    const behavior = { otherFilters: 'close', otherTopics: 'ignore', idleTimeoutMs: 300 } as const;
    chosen = await startTestEmulator({ behavior });
  });
  afterAll(() => chosen.close());

  async function connectedThere(): Promise<ScriptedDevice> {
    const device = await ScriptedDevice.open(chosen);
    devices.push(device);
    expect(await device.exchange(connectPacket())).toMatchObject({ returnCode: 0 });
    return device;
  }

  it('other filters close the connection', async () => {
    expect(await (await connectedThere()).exchange(subscribe('#', 0))).toBeNull();
  });

  it('other topics are acknowledged, and ignored', async () => {
    const device = await connectedThere();
    expect(await device.exchange(publish('devices/a/messages/events/', 1))).toMatchObject({ cmd: 'puback' });
    expect(await device.exchange(publish('devices/a/messages/events/', 2))).toBeNull();
  });

  it('a silent connection is closed, also without keep-alive', async () => {
    const device = await connectedThere();
    expect(await device.receive()).toBeNull();
    expect(chosen.logged.at(-1)).toContain('connection closed: idle');
  });
});

it('reports once that a device sends no server name', async () => {
  const told = () => emulator.logged.filter((line) => line.includes('(SNI)'));
  // An IP address is no server name.
  for (const host of ['127.0.0.1', '127.0.0.1']) devices.push(await ScriptedDevice.open({ ...emulator, host }));
  expect(told()).toHaveLength(1);
});

it('offers TLS 1.2', async () => {
  expect((await open()).socket.getProtocol()).toBe('TLSv1.2');
});
