import type { Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { telemetryTopic } from '../../src/dps/hub-topics.ts';
import type { EmulatorOptions } from '../../src/emulator/emulator.ts';
import { type Fault, HUB_FAULT_POINTS } from '../../src/emulator/service/fault-rule.ts';
import { connectPacket, publishPacket, registerPacket, subscribePacket } from '../support/device-packets.ts';
import { emulatedInstance, GROUP_KEY, individualEnrollment, OTHER_KEY } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { hubConnectPacket } from '../support/hub-devices.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const HUB = 'only.azure-devices.net';
const TWIN_ANSWERS = '$iothub/twin/res/#';
const DESIRED = '$iothub/twin/PATCH/properties/desired/#';
const GET_TWIN = '$iothub/twin/GET/?$rid=1';
const REPORT = '$iothub/twin/PATCH/properties/reported/?$rid=2';

let emulator: TestEmulator;
/** For the tests that need no settings of their own. */
let shared: TestEmulator | null = null;
/** Closed at the end. */
const kept: TestEmulator[] = [];
const devices: ScriptedDevice[] = [];
let tests = 0;
let id: string;
let telemetry: string;
beforeEach(() => {
  tests += 1;
  id = `dev-${tests}`;
  telemetry = telemetryTopic(id);
});
afterEach(async () => {
  for (const device of devices.splice(0)) device.close();
  if (!kept.includes(emulator)) await emulator.close();
});
afterAll(() => Promise.all(kept.map((one) => one.close())));

function instance() {
  const [hub] = emulatedInstance().linkedHubs;
  if (hub === undefined) throw new Error('no hub');
  const [group] = emulatedInstance().enrollmentGroups;
  if (group === undefined) throw new Error('no group');
  const initialTwin = { properties: { desired: { interval: 60 } } };
  return emulatedInstance({
    linkedHubs: [{ ...hub, hostName: HUB }],
    enrollmentGroups: [{ ...group, initialTwin }],
    individualEnrollments: [
      individualEnrollment({
        registrationId: 'pump',
        deviceId: 'Pump 7',
        attestation: { kind: 'symmetricKey', primaryKey: deriveDeviceKey(GROUP_KEY, 'pump'), secondaryKey: null },
      }),
    ],
  });
}

async function start(options: Partial<EmulatorOptions> | null = null): Promise<void> {
  emulator =
    options === null && shared !== null
      ? shared
      : await startTestEmulator({
          instances: [instance()],
          hubPort: 0,
          httpPort: 0,
          ...options,
          behavior: { assignmentDelayMs: 0, ...options?.behavior },
        });
  if (options !== null || shared !== null) return;
  shared = emulator;
  kept.push(shared);
}

async function open(port: number, options: object = {}): Promise<ScriptedDevice> {
  const device = await ScriptedDevice.open({ host: '127.0.0.1', port, caPem: emulator.caPem }, options);
  devices.push(device);
  return device;
}

async function provision(of = id): Promise<void> {
  const device = await open(emulator.port);
  await device.exchange(connectPacket(of));
  await device.exchange(subscribePacket());
  expect(await device.exchange(registerPacket('1'))).toMatchObject({ topic: expect.stringContaining('/202/') });
  device.close();
}

/** To the hub, by the hub's name as `--resolve` would do it. */
const openHub = () => open(emulator.hubPort ?? 0, { servername: HUB });

async function connected(settings: object = {}): Promise<ScriptedDevice> {
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
    const login = { hub: HUB, id };
    expect(await early.exchange(hubConnectPacket(login))).toMatchObject({ cmd: 'connack', returnCode: 5 });
    expect(await early.receive()).toBeNull();
    await provision();
    const wrong = await openHub();
    expect(await wrong.exchange(hubConnectPacket({ ...login, key: OTHER_KEY }))).toMatchObject({ returnCode: 5 });
    await connected();
    expect(emulator.hubs.device(HUB, id)).toMatchObject({ status: 'enabled', connectionState: 'Connected' });
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
    const puback = await device.exchange(publishPacket(`${telemetry}a=1&%24.ct=json`, 1, '{"t":1}'));
    expect(puback).toMatchObject({ cmd: 'puback', messageId: 7 });
    expect(await device.exchange(subscribe(TWIN_ANSWERS, DESIRED))).toMatchObject({ granted: [1, 1] });
    const twin = await device.exchange(publishPacket(GET_TWIN, 0, ' '));
    expect(twin).toMatchObject({ topic: '$iothub/twin/res/200/?$rid=1', qos: 1 });
    expect(bodyOf(twin)).toEqual({ desired: { interval: 60, $version: 1 }, reported: { $version: 1 } });
    const reported = await device.exchange(publishPacket(REPORT, 0, '{"fw":"1.2"}'));
    expect(reported).toMatchObject({ topic: '$iothub/twin/res/204/?$rid=2&$version=2', payload: Buffer.alloc(0) });
    const refused = await device.exchange(publishPacket(REPORT, 0, '{"$fw":1}'));
    expect(refused).toMatchObject({ topic: '$iothub/twin/res/400/?$rid=2' });
    expect(emulator.hubs.device(HUB, id)).toMatchObject({
      telemetry: { messages: 1, bytes: telemetry.length + 15 + 7, lastProperties: { a: '1', '$.ct': 'json' } },
      twin: { properties: { reported: { fw: '1.2', $version: 2 } } },
    });
  });

  it('tells a device of changed desired properties, and of nothing it has not subscribed', async () => {
    await start();
    await provision();
    const device = await connected();
    emulator.hubs.setDesired(HUB, id, { interval: 1 });
    await device.exchange(subscribe(DESIRED));
    expect(emulator.hubs.setDesired(HUB, id, { interval: 5, old: null })).toBe(3);
    const message = await device.receive();
    expect(message).toMatchObject({ topic: '$iothub/twin/PATCH/properties/desired/?$version=3' });
    expect(bodyOf(message)).toEqual({ interval: 5, old: null, $version: 3 });
    expect(() => emulator.hubs.setDesired(HUB, 'nobody', {})).toThrow(/has no device "nobody"/);
    expect(() => emulator.hubs.setDesired(HUB, id, { 'a b': 1 })).toThrow(/desired properties has a name/);
  });

  it('ends the connection of a device that connects again, is disabled, or is deleted', async () => {
    await start();
    await provision();
    const first = await connected();
    const second = await connected();
    expect(await first.receive()).toBeNull();
    emulator.hubs.setStatus(HUB, id, 'disabled');
    expect(await second.receive()).toBeNull();
    const refused = await openHub();
    expect(await refused.exchange(hubConnectPacket({ hub: HUB, id }))).toMatchObject({ returnCode: 5 });
    await provision();
    const third = await connected();
    emulator.hubs.remove(HUB, id);
    expect(await third.receive()).toBeNull();
    expect(emulator.hubs.device(HUB, id)).toBeNull();
  });

  it('keeps the subscriptions of a device that asks for no clean session', async () => {
    await start();
    await provision();
    const first = await connected({ clean: false });
    await first.exchange(subscribe(DESIRED));
    first.close();
    const second = await openHub();
    const connack = await second.exchange(hubConnectPacket({ hub: HUB, id }, { clean: false }));
    expect(connack).toMatchObject({ returnCode: 0, sessionPresent: true });
    emulator.hubs.setDesired(HUB, id, { interval: 1 });
    expect(await second.receive()).toMatchObject({ topic: expect.stringContaining('/desired/?$version=2') });
    second.close();
    const clean = await openHub();
    const anew = await clean.exchange(hubConnectPacket({ hub: HUB, id }));
    expect(anew).toMatchObject({ returnCode: 0, sessionPresent: false });
  });

  it.each([
    ['PUBLISH with QoS 2', () => ({ ...publishPacket(telemetry), qos: 2 }) as Packet],
    ['a message of more than 256 KB', () => publishPacket(telemetry, 1, 'x'.repeat(256 * 1024 + 1))],
    ['a topic of another device', () => publishPacket(telemetryTopic('other'), 1)],
    ['a topic that hubs do not know', () => publishPacket('$dps/registrations/PUT/iotdps-register/?$rid=1', 1)],
  ])('closes the connection at %s', async (_, packetOf) => {
    await start();
    await provision();
    const device = await connected();
    expect(await device.exchange(packetOf())).toBeNull();
  });

  it('accepts a message of 256 KB, which the service itself would not', async () => {
    await start();
    await provision();
    const device = await connected();
    expect(await device.exchange(publishPacket(telemetry, 1, 'x'.repeat(256 * 1024)))).toMatchObject({ cmd: 'puback' });
  });

  it('grants the filters of a device, at most five', async () => {
    await start();
    await provision();
    const device = await connected();
    const own = [`devices/${id}/messages/devicebound/#`, TWIN_ANSWERS, DESIRED, '$iothub/methods/POST/#'];
    expect(await device.exchange(subscribe(...own))).toMatchObject({ granted: [1, 1, 1, 1] });
    const others = ['devices/dev-2/messages/devicebound/#', '#', '$dps/registrations/res/#'];
    expect(await device.exchange(subscribe(...others))).toMatchObject({ granted: [128, 128, 128] });
  });

  it('ends a connection when its token expires', async () => {
    await start();
    await provision();
    const device = await openHub();
    // In two seconds at least: on a busy machine, the device may take a while to connect.
    const expiryEpochSeconds = Math.ceil(Date.now() / 1000) + 2;
    const connack = await device.exchange(hubConnectPacket({ hub: HUB, id, expiryEpochSeconds }));
    expect(connack).toMatchObject({ returnCode: 0 });
    expect(await device.receive()).toBeNull();
    expect(emulator.logged.at(-1)).toMatch(/SAS token expired/);
  });

  it('forgets its devices at a reset, and ends their connections', async () => {
    await start();
    await provision();
    const device = await connected();
    emulator.reset();
    expect(await device.receive()).toBeNull();
    expect(emulator.hubs.device(HUB, id)).toBeNull();
    expect(emulator.hubs.list()).toMatchObject([{ hub: HUB, identities: 0, connectsAccepted: 0 }]);
  });

  it('follows a configuration that changes', async () => {
    await start({});
    const [known] = instance().linkedHubs;
    if (known === undefined) throw new Error('no hub');
    await emulator.update({
      instances: [{ ...instance(), linkedHubs: [{ ...known, hostName: 'later.azure-devices.net' }] }],
    });
    await provision();
    const device = await open(emulator.hubPort ?? 0, { servername: 'later.azure-devices.net' });
    expect(device.socket.authorized).toBe(true);
    const login = { hub: 'later.azure-devices.net', id };
    expect(await device.exchange(hubConnectPacket(login))).toMatchObject({ returnCode: 0 });
  });

  it('tells a device nothing before a late CONNACK', async () => {
    await start({ faults: [faultRule({ kind: 'slow-connack', delayMs: 100 }, { points: ['hub-connect'] })] });
    await provision();
    const first = await connected({ clean: false });
    await first.exchange(subscribe(DESIRED));
    first.close();
    const second = await openHub();
    second.send(hubConnectPacket({ hub: HUB, id }, { clean: false }));
    await expect.poll(() => emulator.hubs.list()[0]?.connectsAccepted).toBe(2);
    emulator.hubs.setDesired(HUB, id, { interval: 1 });
    expect(await second.receive()).toMatchObject({ cmd: 'connack', sessionPresent: true });
  });

  it('knows a device by the device ID of its enrollment', async () => {
    await start();
    await provision('pump');
    const device = await openHub();
    const login = { hub: HUB, id: 'Pump 7', key: deriveDeviceKey(GROUP_KEY, 'pump') };
    expect(await device.exchange(hubConnectPacket(login))).toMatchObject({ returnCode: 0 });
    expect(emulator.hubs.device(HUB, 'pump')).toBeNull();
  });

  it('refuses the name of another server in the TLS handshake', async () => {
    await start();
    await provision();
    const device = await open(emulator.hubPort ?? 0, { servername: 'other.azure-devices.net' });
    expect(device.socket.authorized).toBe(true);
    expect(await device.exchange(hubConnectPacket({ hub: HUB, id }))).toMatchObject({ returnCode: 5 });
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
    const answers = await Promise.all(waiting.map((one) => one.exchange(hubConnectPacket({ hub: HUB, id }))));
    expect(answers.filter((answer) => answer === null).length).toBeGreaterThan(0);
    const { connectsDelayed = 0, connectsDropped = 0 } = emulator.hubs.list()[0] ?? {};
    expect(connectsDelayed + connectsDropped).toBeGreaterThan(0);
  });

  it('is read over HTTP and from the records', async () => {
    await start();
    await provision();
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${emulator.httpPort}${path}`);
      return [response.status, await response.json()];
    };
    expect(await get('/hubs')).toMatchObject([200, [{ hub: HUB, openConnections: 0 }]]);
    const [status, device] = await get(`/hubs/${HUB.toUpperCase()}/devices/${id}`);
    expect([status, device]).toMatchObject([
      200,
      { deviceId: id, connectionState: 'Disconnected', twin: { properties: { desired: { interval: 60 } } } },
    ]);
    for (const path of [
      `/hubs/x/devices/${id}`,
      `/hubs/${HUB}/devices/DEV-${tests}`,
      `/hubs/${HUB}`,
      `/hubs/${HUB}/devices/a/b`,
    ]) {
      expect((await get(path))[0]).toBe(404);
    }
    expect([...emulator.hubs.devices()]).toContainEqual(
      expect.objectContaining({ kind: 'identity', hub: HUB, deviceId: id }),
    );
  });

  it('knows no devices when it is not served', async () => {
    await start({ hubPort: null });
    await provision();
    expect(emulator.hubPort).toBeNull();
    expect([...emulator.hubs.devices()]).toEqual([]);
  });
});

describe('a fault at a hub', () => {
  const faults = (registrationIds: string, ...given: readonly Fault[]) =>
    given.map((fault) =>
      faultRule(fault, { points: HUB_FAULT_POINTS[fault.kind], registrationIds, timesPerDevice: 1 }),
    );
  const withoutHandshake = ['hub-open', 'hub-connect'] as const;
  let struck: TestEmulator | null = null;
  beforeEach(async () => {
    struck ??= await startTestEmulator({
      instances: [instance()],
      hubPort: 0,
      behavior: { assignmentDelayMs: 0 },
      faults: [
        ...faults('refused-*', { kind: 'refuse-connect', returnCode: 3 }),
        ...faults('cut-*', { kind: 'disconnect', when: 'before' }),
        faultRule({ kind: 'lose-puback' }, { points: ['hub-telemetry'], registrationIds: 'asks', timesPerDevice: 1 }),
        faultRule({ kind: 'lose-request' }, { points: ['hub-telemetry'], registrationIds: 'asks', timesPerDevice: 1 }),
        ...faults(
          'asks',
          { kind: 'error-answer', errorCode: 429_001, retryAfterSeconds: null },
          { kind: 'foreign-request-id' },
          { kind: 'malform-answer', form: 'unknown-topic' },
        ),
        faultRule({ kind: 'outage' }, { points: withoutHandshake, registrationIds: 'dark', fromMs: 3_600_000 }),
        faultRule({ kind: 'refuse-connect', returnCode: 3 }, { registrationIds: 'service', timesPerDevice: 1 }),
      ],
    });
    emulator = struck;
    if (!kept.includes(struck)) kept.push(struck);
  });

  it('may be an outage of the hubs alone', async () => {
    id = 'dark';
    await provision();
    const device = await connected();
    emulator.advance(3_600_000);
    expect(await device.receive()).toBeNull();
    const again = await openHub();
    expect(await again.exchange(hubConnectPacket({ hub: HUB, id }))).toBeNull();
    await provision();
  });

  it('strikes there and not at the service', async () => {
    id = 'refused-1';
    await provision();
    const refused = await openHub();
    expect(await refused.exchange(hubConnectPacket({ hub: HUB, id }))).toMatchObject({ returnCode: 3 });
    id = 'cut-1';
    await provision();
    const cut = await openHub();
    expect(await cut.exchange(hubConnectPacket({ hub: HUB, id }))).toBeNull();
    const own = emulator.faultRecords.filter(({ registrationId }) => registrationId === 'cut-1');
    expect(own).toMatchObject([{ fault: 'disconnect', point: 'hub-connect' }]);
  });

  it('reaches telemetry and twin', async () => {
    id = 'asks';
    await provision();
    const device = await connected();
    await device.exchange(subscribe(TWIN_ANSWERS));
    device.send(publishPacket(telemetryTopic(id), 1));
    expect(await device.exchange(publishPacket(telemetryTopic(id), 1))).toMatchObject({ cmd: 'puback' });
    expect(emulator.hubs.device(HUB, id)).toMatchObject({ telemetry: { messages: 1 } });
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

  it('at the service leaves the hubs alone', async () => {
    id = 'service';
    const refused = await open(emulator.port);
    expect(await refused.exchange(connectPacket(id))).toMatchObject({ returnCode: 3 });
    await provision();
    await connected();
  });
});
