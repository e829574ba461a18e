import type { Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fault, HUB_FAULT_POINTS } from '../../src/emulator/service/fault-rule.ts';
import type { EmulatorOptions } from '../../src/emulator/start-emulator.ts';
import { connectPacket, publishPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { emulatedInstance, individualEnrollment, OTHER_KEY } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { hubConnectPacket } from '../support/hub-devices.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const HUB = 'only.azure-devices.net';
const TWIN_ANSWERS = '$iothub/twin/res/#';
const DESIRED = '$iothub/twin/PATCH/properties/desired/#';
const GET_TWIN = '$iothub/twin/GET/?$rid=1';
const REPORT = '$iothub/twin/PATCH/properties/reported/?$rid=2';
const TELEMETRY = 'devices/dev-1/messages/events/';

let emulator: TestEmulator;
const devices: ScriptedDevice[] = [];
afterEach(async () => {
  for (const device of devices.splice(0)) device.close();
  await emulator.close();
});

function instance() {
  const [hub] = emulatedInstance().linkedHubs;
  if (hub === undefined) throw new Error('no hub');
  const [group] = emulatedInstance().enrollmentGroups;
  if (group === undefined) throw new Error('no group');
  const initialTwin = { properties: { desired: { interval: 60 } } };
  return emulatedInstance({
    linkedHubs: [{ ...hub, hostName: HUB }],
    enrollmentGroups: [{ ...group, initialTwin }],
    individualEnrollments: [individualEnrollment({ registrationId: 'dev-9', deviceId: 'Other Name' })],
  });
}

async function start(options: Partial<EmulatorOptions> = {}): Promise<void> {
  emulator = await startTestEmulator({
    instances: [instance()],
    hubPort: 0,
    ...options,
    behavior: { assignmentDelayMs: 0, ...options.behavior },
  });
}

async function open(port: number, options: object = {}): Promise<ScriptedDevice> {
  const device = await ScriptedDevice.open({ host: '127.0.0.1', port, caPem: emulator.caPem }, options);
  devices.push(device);
  return device;
}

async function provision(id = 'dev-1'): Promise<void> {
  const device = await open(emulator.port);
  await device.exchange(connectPacket(id));
  await device.exchange(subscribePacket());
  expect(await device.exchange(registerPacket('1'))).toMatchObject({ topic: expect.stringContaining('/202/') });
  device.close();
}

/** To the hub, by the hub's name as `--resolve` would do it. */
const openHub = () => open(emulator.hubPort ?? 0, { servername: HUB });

async function connected(settings: object = {}, id = 'dev-1'): Promise<ScriptedDevice> {
  const device = await openHub();
  expect(await device.exchange(hubConnectPacket({ hub: HUB, id }, settings))).toMatchObject({ returnCode: 0 });
  return device;
}

const subscribe = (...topics: string[]): Packet => ({
  cmd: 'subscribe',
  messageId: 3,
  subscriptions: topics.map((topic) => ({ topic, qos: 1 })),
});

const bodyOf = (packet: Packet | null): unknown =>
  packet?.cmd === 'publish' ? JSON.parse(packet.payload.toString()) : null;

describe('a linked hub', () => {
  it('lets a device connect with its key once it was assigned, under the name of the hub', async () => {
    await start();
    const early = await openHub();
    expect(early.socket.authorized).toBe(true);
    const login = { hub: HUB, id: 'dev-1' };
    expect(await early.exchange(hubConnectPacket(login))).toMatchObject({ cmd: 'connack', returnCode: 5 });
    expect(await early.receive()).toBeNull();
    await provision();
    const wrong = await openHub();
    expect(await wrong.exchange(hubConnectPacket({ ...login, key: OTHER_KEY }))).toMatchObject({ returnCode: 5 });
    await connected();
    expect(emulator.hubs.device(HUB, 'dev-1')).toMatchObject({ status: 'enabled', connectionState: 'Connected' });
    expect(emulator.hubs.list()).toMatchObject([{ hub: HUB, identities: 1, openConnections: 1, connectsAccepted: 1 }]);
    expect(emulator.logged.join('\n')).toMatch(/CONNACK 5 to "dev-1": the hub has no such device/);
    expect(emulator.logged.join('\n')).toMatch(
      /CONNACK 5 to "dev-1": the token is signed with none of the device's keys/,
    );
  });

  it('accepts telemetry and counts it; answers about the twin only who has subscribed', async () => {
    await start();
    await provision();
    const device = await connected();
    device.send(publishPacket(GET_TWIN));
    const puback = await device.exchange(publishPacket(`${TELEMETRY}a=1&%24.ct=json`, 1, '{"t":1}'));
    expect(puback).toMatchObject({ cmd: 'puback', messageId: 7 });
    expect(await device.exchange(subscribe(TWIN_ANSWERS, DESIRED))).toMatchObject({ granted: [1, 1] });
    const twin = await device.exchange(publishPacket(GET_TWIN, 0, ' '));
    expect(twin).toMatchObject({ topic: '$iothub/twin/res/200/?$rid=1', qos: 1 });
    expect(bodyOf(twin)).toEqual({ desired: { interval: 60, $version: 1 }, reported: { $version: 1 } });
    const reported = await device.exchange(publishPacket(REPORT, 0, '{"fw":"1.2"}'));
    expect(reported).toMatchObject({ topic: '$iothub/twin/res/204/?$rid=2&$version=2', payload: Buffer.alloc(0) });
    const refused = await device.exchange(publishPacket(REPORT, 0, '{"$fw":1}'));
    expect(refused).toMatchObject({ topic: '$iothub/twin/res/400/?$rid=2' });
    expect(emulator.hubs.device(HUB, 'dev-1')).toMatchObject({
      telemetry: { messages: 1, bytes: TELEMETRY.length + 15 + 7, lastProperties: { a: '1', '$.ct': 'json' } },
      twin: { properties: { reported: { fw: '1.2', $version: 2 } } },
    });
  });

  it('tells a device of changed desired properties, and of nothing it has not subscribed', async () => {
    await start();
    await provision();
    const device = await connected();
    emulator.hubs.setDesired(HUB, 'dev-1', { interval: 1 });
    await device.exchange(subscribe(DESIRED));
    expect(emulator.hubs.setDesired(HUB, 'dev-1', { interval: 5, old: null })).toBe(3);
    const message = await device.receive();
    expect(message).toMatchObject({ topic: '$iothub/twin/PATCH/properties/desired/?$version=3' });
    expect(bodyOf(message)).toEqual({ interval: 5, old: null, $version: 3 });
    expect(() => emulator.hubs.setDesired(HUB, 'nobody', {})).toThrow(/has no device "nobody"/);
    expect(() => emulator.hubs.setDesired(HUB, 'dev-1', { 'a b': 1 })).toThrow(/desired properties has a name/);
  });

  it('ends the connection of a device that connects again, is disabled, or is deleted', async () => {
    await start();
    await provision();
    const first = await connected();
    const second = await connected();
    expect(await first.receive()).toBeNull();
    emulator.hubs.setStatus(HUB, 'dev-1', 'disabled');
    expect(await second.receive()).toBeNull();
    const refused = await openHub();
    expect(await refused.exchange(hubConnectPacket({ hub: HUB, id: 'dev-1' }))).toMatchObject({ returnCode: 5 });
    await provision();
    const third = await connected();
    emulator.hubs.remove(HUB, 'dev-1');
    expect(await third.receive()).toBeNull();
    expect(emulator.hubs.device(HUB, 'dev-1')).toBeNull();
  });

  it('keeps the subscriptions of a device that asks for no clean session', async () => {
    await start();
    await provision();
    const first = await connected({ clean: false });
    await first.exchange(subscribe(DESIRED));
    first.close();
    const second = await openHub();
    const connack = await second.exchange(hubConnectPacket({ hub: HUB, id: 'dev-1' }, { clean: false }));
    expect(connack).toMatchObject({ returnCode: 0, sessionPresent: true });
    emulator.hubs.setDesired(HUB, 'dev-1', { interval: 1 });
    expect(await second.receive()).toMatchObject({ topic: expect.stringContaining('/desired/?$version=2') });
    second.close();
    const clean = await openHub();
    const anew = await clean.exchange(hubConnectPacket({ hub: HUB, id: 'dev-1' }));
    expect(anew).toMatchObject({ returnCode: 0, sessionPresent: false });
  });

  it.each([
    ['PUBLISH with QoS 2', { ...publishPacket(TELEMETRY), qos: 2 } as Packet],
    ['a message of more than 256 KB', publishPacket(TELEMETRY, 1, 'x'.repeat(256 * 1024 + 1))],
    ['a topic of another device', publishPacket('devices/dev-2/messages/events/', 1)],
    ['a topic that hubs do not know', publishPacket('$dps/registrations/PUT/iotdps-register/?$rid=1', 1)],
  ])('closes the connection at %s', async (_, packet) => {
    await start();
    await provision();
    const device = await connected();
    expect(await device.exchange(packet)).toBeNull();
  });

  it('accepts a message of 256 KB, which the service itself would not', async () => {
    await start();
    await provision();
    const device = await connected();
    expect(await device.exchange(publishPacket(TELEMETRY, 1, 'x'.repeat(256 * 1024)))).toMatchObject({ cmd: 'puback' });
  });

  it('grants the filters of a device, at most five', async () => {
    await start();
    await provision();
    const device = await connected();
    const own = ['devices/dev-1/messages/devicebound/#', TWIN_ANSWERS, DESIRED, '$iothub/methods/POST/#'];
    expect(await device.exchange(subscribe(...own))).toMatchObject({ granted: [1, 1, 1, 1] });
    const others = ['devices/dev-2/messages/devicebound/#', '#', '$dps/registrations/res/#'];
    expect(await device.exchange(subscribe(...others))).toMatchObject({ granted: [128, 128, 128] });
  });

  it('ends a connection when its token expires', async () => {
    await start();
    await provision();
    const device = await openHub();
    const expiryEpochSeconds = Math.floor(Date.now() / 1000) + 1;
    const connack = await device.exchange(hubConnectPacket({ hub: HUB, id: 'dev-1', expiryEpochSeconds }));
    expect(connack).toMatchObject({ returnCode: 0 });
    expect(await device.receive()).toBeNull();
    expect(emulator.logged.at(-1)).toMatch(/SAS token expired/);
  });

  it("has the device's own ID, not its registration ID, and requires the hub's name where one is sent", async () => {
    await start();
    await provision();
    const device = await open(emulator.hubPort ?? 0, { servername: 'other.azure-devices.net' });
    expect(device.socket.authorized).toBe(true);
    expect(await device.exchange(hubConnectPacket({ hub: HUB, id: 'dev-1' }))).toMatchObject({ returnCode: 5 });
    expect(emulator.logged.at(-1)).toMatch(/SNI/);
  });

  it('delays CONNACK and then closes connections when it has too few units', async () => {
    const [hub] = instance().linkedHubs;
    if (hub === undefined) throw new Error('no hub');
    const linkedHubs = [{ ...hub, sku: 'S1' as const, units: 1 }];
    await start({ instances: [{ ...instance(), linkedHubs }], behavior: { hubBurstMs: 0, hubQueueMs: 5 } });
    await provision();
    const waiting = await Promise.all([1, 2, 3].map(() => openHub()));
    // Of one device, so that each connection replaces the one before; the third is not let in.
    const answers = await Promise.all(waiting.map((one) => one.exchange(hubConnectPacket({ hub: HUB, id: 'dev-1' }))));
    expect(answers.filter((answer) => answer === null).length).toBeGreaterThan(0);
    const { connectsDelayed = 0, connectsDropped = 0 } = emulator.hubs.list()[0] ?? {};
    expect(connectsDelayed + connectsDropped).toBeGreaterThan(0);
  });

  it('is read over HTTP and from the records', async () => {
    await start({ httpPort: 0 });
    await provision();
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${emulator.httpPort}${path}`);
      return [response.status, await response.json()];
    };
    expect(await get('/hubs')).toMatchObject([200, [{ hub: HUB, identities: 1, telemetryMessages: 0 }]]);
    const [status, device] = await get(`/hubs/${HUB.toUpperCase()}/devices/dev-1`);
    expect([status, device]).toMatchObject([
      200,
      { deviceId: 'dev-1', connectionState: 'Disconnected', twin: { properties: { desired: { interval: 60 } } } },
    ]);
    for (const path of [
      '/hubs/x/devices/dev-1',
      `/hubs/${HUB}/devices/DEV-1`,
      `/hubs/${HUB}`,
      `/hubs/${HUB}/devices/a/b`,
    ]) {
      expect((await get(path))[0]).toBe(404);
    }
    expect([...emulator.hubs.devices()]).toMatchObject([{ kind: 'identity', hub: HUB, deviceId: 'dev-1' }]);
  });

  it('knows no devices when it is not served', async () => {
    await start({ hubPort: null });
    await provision();
    expect(emulator.hubPort).toBeNull();
    expect([...emulator.hubs.devices()]).toEqual([]);
  });
});

describe('a fault at a hub', () => {
  const atHub = (fault: Fault, settings: object = {}) =>
    faultRule(fault, { points: HUB_FAULT_POINTS[fault.kind], ...settings });

  it.each([
    ['refuse-connect', { kind: 'refuse-connect', returnCode: 3 }, { cmd: 'connack', returnCode: 3 }],
    ['disconnect', { kind: 'disconnect', when: 'before' }, null],
  ] as const)('%s strikes there and not at the service', async (_, fault, answer) => {
    await start({ faults: [atHub(fault)] });
    await provision();
    const device = await openHub();
    const received = await device.exchange(hubConnectPacket({ hub: HUB, id: 'dev-1' }));
    if (answer === null) expect(received).toBeNull();
    else expect(received).toMatchObject(answer);
    expect(emulator.faultRecords).toMatchObject([{ fault: fault.kind, point: 'hub-connect', registrationId: 'dev-1' }]);
  });

  it('reaches telemetry and twin', async () => {
    await start({
      faults: [
        atHub({ kind: 'lose-puback' }, { points: ['hub-telemetry'], timesPerDevice: 1 }),
        atHub({ kind: 'lose-request' }, { points: ['hub-telemetry'], timesPerDevice: 1 }),
        atHub({ kind: 'error-answer', errorCode: 429_001, retryAfterSeconds: null }, { timesPerDevice: 1 }),
        atHub({ kind: 'foreign-request-id' }, { timesPerDevice: 1 }),
        atHub({ kind: 'malform-answer', form: 'unknown-topic' }, { timesPerDevice: 1 }),
      ],
    });
    await provision();
    const device = await connected();
    await device.exchange(subscribe(TWIN_ANSWERS));
    device.send(publishPacket(TELEMETRY, 1));
    expect(await device.exchange(publishPacket(TELEMETRY, 1))).toMatchObject({ cmd: 'puback' });
    expect(emulator.hubs.device(HUB, 'dev-1')).toMatchObject({ telemetry: { messages: 1 } });
    const topics: unknown[] = [];
    for (let index = 0; index < 4; index += 1) {
      const answer = await device.exchange(publishPacket(GET_TWIN));
      topics.push(answer?.cmd === 'publish' ? answer.topic : answer);
    }
    expect(topics).toEqual([
      '$iothub/twin/res/429/?$rid=1',
      '$iothub/twin/res/200/?$rid=nobody-asked',
      '$iothub/twin/res/',
      '$iothub/twin/res/200/?$rid=1',
    ]);
  });

  it('can be an outage of the hubs alone', async () => {
    await start({ faults: [atHub({ kind: 'outage' }, { points: ['hub-handshake', 'hub-open'], fromMs: 700 })] });
    await provision();
    const device = await connected();
    expect(await device.receive()).toBeNull();
    await expect(openHub()).rejects.toThrow();
    await provision('dev-2');
  });

  it('at the service leaves the hubs alone', async () => {
    await start({ faults: [faultRule({ kind: 'refuse-connect', returnCode: 3 }, { timesPerDevice: 1 })] });
    const refused = await open(emulator.port);
    expect(await refused.exchange(connectPacket('dev-1'))).toMatchObject({ returnCode: 3 });
    await provision();
    await connected();
  });
});
