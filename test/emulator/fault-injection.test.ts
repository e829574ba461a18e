import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { FAULT_POINTS, type Fault, type FaultRule } from '../../src/emulator/service/fault-rule.ts';
import { EVERY_FAULT } from '../fuzz/every-fault.ts';
import {
  connectPacket,
  pollPacket,
  type publishPacket,
  registerPacket,
  subscribePacket,
} from '../support/device-packets.ts';
import { faultRule } from '../support/fault-rules.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
let device: ScriptedDevice;
afterEach(async () => {
  device?.close();
  await emulator.close();
});

const PING = { cmd: 'pingreq' } as const;
const TOPIC_OF_ANSWER = /^\$dps\/registrations\/res\/202\/\?\$rid=/;

async function start(...faults: readonly FaultRule[]): Promise<void> {
  emulator = await startTestEmulator({ faults });
}

async function connected(...faults: readonly FaultRule[]): Promise<void> {
  await start(...faults);
  device = await ScriptedDevice.open(emulator);
  expect(await device.exchange(connectPacket('a'))).toMatchObject({ returnCode: 0 });
}

async function subscribed(...faults: readonly FaultRule[]): Promise<void> {
  await connected(...faults);
  expect(await device.exchange(subscribePacket())).toMatchObject({ cmd: 'suback' });
}

/** The topics of what arrives from `packet` on, up to the answer to a ping that follows it; `null` = closed. */
async function answersTo(packet: ReturnType<typeof publishPacket>): Promise<readonly string[] | null> {
  device.send(packet);
  device.send(PING);
  const topics: string[] = [];
  for (;;) {
    const received = await device.receive();
    if (received === null) return null;
    if (received.cmd === 'pingresp') return topics;
    topics.push(received.cmd === 'publish' ? received.topic : received.cmd);
  }
}

describe('before MQTT', () => {
  it('refuses TLS with an alert', async () => {
    await start(faultRule({ kind: 'refuse-tls' }));
    await expect(ScriptedDevice.open(emulator)).rejects.toThrow(/handshake failure/i);
    expect(emulator.logged).toEqual(['unknown device: fault refuse-tls at handshake']);
  });

  it('accepts the connection and stays silent', async () => {
    await start(faultRule({ kind: 'stall-tls' }));
    const socket = connect({ host: '127.0.0.1', port: emulator.port });
    const tls = connectTls({ socket, rejectUnauthorized: false });
    await expect.poll(() => socket.bytesWritten).toBeGreaterThan(0);
    // A server that is up to it answers another device meanwhile.
    const healthy = await startTestEmulator();
    device = await ScriptedDevice.open(healthy);
    expect(await device.exchange(connectPacket('a'))).toMatchObject({ returnCode: 0 });
    await healthy.close();
    expect(emulator.faultRecords).toMatchObject([{ fault: 'stall-tls', point: 'handshake' }]);
    expect([socket.bytesRead, tls.destroyed]).toEqual([0, false]);
    tls.destroy();
  });
});

describe('at CONNECT', () => {
  it('answers late', async () => {
    await start(faultRule({ kind: 'slow-connack', delayMs: 100 }));
    device = await ScriptedDevice.open(emulator);
    const sentAt = performance.now();
    expect(await device.exchange(connectPacket('a'))).toMatchObject({ returnCode: 0 });
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(100);
  });

  it('answers late, and nothing before CONNACK', async () => {
    await start(faultRule({ kind: 'slow-connack', delayMs: 100 }));
    device = await ScriptedDevice.open(emulator);
    for (const packet of [connectPacket('a'), subscribePacket(), registerPacket('1', 1)]) device.send(packet);
    const received = [];
    while (received.length < 4) received.push((await device.receive())?.cmd);
    expect(received).toEqual(['connack', 'suback', 'puback', 'publish']);
  });

  it('never answers, and stays open', async () => {
    await start(faultRule({ kind: 'lose-connack' }));
    device = await ScriptedDevice.open(emulator);
    device.send(connectPacket('a'));
    expect(await device.exchange(PING)).toMatchObject({ cmd: 'pingresp' });
  });

  it('refuses with the code that the rule gives, once', async () => {
    await start(faultRule({ kind: 'refuse-connect', returnCode: 3 }, { timesPerDevice: 1 }));
    device = await ScriptedDevice.open(emulator);
    expect(await device.exchange(connectPacket('a'))).toMatchObject({ returnCode: 3 });
    expect(await device.receive()).toBeNull();
    device = await ScriptedDevice.open(emulator);
    expect(await device.exchange(connectPacket('a'))).toMatchObject({ returnCode: 0 });
  });
});

describe('at SUBSCRIBE', () => {
  it('subscribes, and does not say so', async () => {
    await connected(faultRule({ kind: 'lose-suback' }));
    expect(await answersTo(subscribePacket())).toEqual([]);
    expect(await answersTo(registerPacket('1'))).toEqual([expect.stringMatching(TOPIC_OF_ANSWER)]);
  });

  it('refuses', async () => {
    await connected(faultRule({ kind: 'refuse-subscription' }));
    expect(await device.exchange(subscribePacket())).toMatchObject({ granted: [128] });
  });
});

it('at CONNECT keeps and logs only the beginning of a client ID that is none', async () => {
  await start(faultRule({ kind: 'refuse-connect', returnCode: 3 }));
  device = await ScriptedDevice.open(emulator);
  const clientId = 'x'.repeat(60_000);
  expect(await device.exchange(connectPacket('a', { clientId }))).toMatchObject({ returnCode: 3 });
  await expect.poll(() => emulator.openConnections()).toBe(0);
  const logged = emulator.logged.filter((line) => !line.includes('(SNI)'));
  const texts = [...logged, ...emulator.faultRecords.map(({ registrationId }) => registrationId ?? '')];
  expect(texts).toHaveLength(3);
  expect(texts.filter((text) => !text.includes('x'.repeat(150)) || text.length > 300)).toEqual([]);
  expect(emulator.counters).toMatchObject({ faultsInjected: 1, faultRecordsDropped: 0 });
});

describe('at a request', () => {
  it.each<[Fault, sent: 'processed' | 'not processed', string[]]>([
    [{ kind: 'lose-request' }, 'not processed', ['puback']],
    [{ kind: 'lose-puback' }, 'processed', ['$dps/registrations/res/202/?$rid=1&retry-after=3']],
    [{ kind: 'lose-answer' }, 'processed', ['puback']],
    [
      { kind: 'duplicate-answer' },
      'processed',
      [
        'puback',
        '$dps/registrations/res/202/?$rid=1&retry-after=3',
        '$dps/registrations/res/202/?$rid=1&retry-after=3',
      ],
    ],
    [
      { kind: 'retry-after', value: 'soon' },
      'processed',
      ['puback', '$dps/registrations/res/202/?$rid=1&retry-after=soon'],
    ],
    [
      { kind: 'error-answer', errorCode: 500000, retryAfterSeconds: 2 },
      'not processed',
      ['puback', '$dps/registrations/res/500/?$rid=1&retry-after=2'],
    ],
    [
      { kind: 'fragment', bytes: 3, pauseMs: 1 },
      'processed',
      ['puback', '$dps/registrations/res/202/?$rid=1&retry-after=3'],
    ],
  ])('%j: %s', async (fault, sent, expected) => {
    await subscribed(faultRule(fault, { points: ['register'] }));
    expect(await answersTo(registerPacket('1', 1))).toEqual(expected);
    expect([...emulator.records()].length).toBe(sent === 'processed' ? 1 : 0);
    expect(emulator.faultRecords).toMatchObject([{ fault: fault.kind, point: 'register', registrationId: 'a' }]);
    expect(emulator.logged.join('\n')).toContain(`fault ${fault.kind} at register`);
  });

  it('answers in another order', async () => {
    await subscribed(faultRule({ kind: 'reorder-answer' }, { timesPerDevice: 1 }));
    expect(await answersTo(registerPacket('1'))).toEqual([]);
    const topics = ['2', '1'].map((requestId) => `$dps/registrations/res/202/?$rid=${requestId}&retry-after=3`);
    expect(await answersTo(registerPacket('2'))).toEqual(topics);
  });

  it.each([
    ['before', 0, []],
    ['after-puback', 1, ['puback']],
    ['after', 1, ['puback', 'publish']],
  ] as const)('disconnects %s it', async (when, recorded, received) => {
    await subscribed(faultRule({ kind: 'disconnect', when }, { points: ['register'] }));
    device.send(registerPacket('1', 1));
    for (const cmd of received) expect(await device.receive()).toMatchObject({ cmd });
    expect(await device.receive()).toBeNull();
    expect([...emulator.records()].length).toBe(recorded);
  });

  it('stalls: open, and silent', async () => {
    await subscribed(faultRule({ kind: 'stall' }, { points: ['register'] }));
    device.send(registerPacket('1', 1));
    device.send(PING);
    const other = await ScriptedDevice.open(emulator);
    expect(await other.exchange(connectPacket('b'))).toMatchObject({ returnCode: 0 });
    expect(await Promise.race([device.receive(), other.exchange(PING)])).toMatchObject({ cmd: 'pingresp' });
    expect(device.socket.destroyed).toBe(false);
    expect(emulator.openConnections()).toBe(2);
    other.close();
  });
});

it('every fault at every point where it can strike is in the records, and in the log', async () => {
  const rules = [...EVERY_FAULT, faultRule({ kind: 'outage' })].flatMap(({ fault }) =>
    FAULT_POINTS[fault.kind]
      .filter((point) => !['handshake', 'open', 'service-request'].includes(point))
      .map((point) => faultRule(fault, { points: [point], registrationIds: `${fault.kind}-at-${point}` })),
  );
  await start(...rules);
  const expected = new Set(rules.map(({ registrationIds }) => registrationIds ?? ''));
  await Promise.all(
    [...expected].map(async (id) => {
      const one = await ScriptedDevice.open(emulator);
      for (const packet of [connectPacket(id), subscribePacket(), registerPacket('1'), pollPacket('2', '5.0.0')]) {
        one.send(packet);
      }
      await expect.poll(() => emulator.faultRecords.some(({ registrationId }) => registrationId === id)).toBe(true);
      one.close();
    }),
  );
  const recorded = emulator.faultRecords.map(({ fault, point }) => `${fault}-at-${point}`);
  expect(new Set(recorded)).toEqual(expected);
  for (const { fault, point, registrationId } of emulator.faultRecords) {
    expect(registrationId).toBe(`${fault}-at-${point}`);
    expect(emulator.logged).toContain(`"${registrationId}": fault ${fault} at ${point}`);
  }
});

it('an outage cuts what is open, and resets what comes', async () => {
  await subscribed(faultRule({ kind: 'outage' }, { fromMs: 3_600_000, untilMs: 7_200_000 }));
  emulator.advance(3_600_000);
  expect(await device.receive()).toBeNull();
  await expect(ScriptedDevice.open(emulator)).rejects.toThrow(/ECONNRESET|disconnected/);
  expect(emulator.faultRecords).toMatchObject([
    { fault: 'outage', point: 'open', registrationId: 'a' },
    { fault: 'outage', point: 'handshake', registrationId: null },
  ]);
  expect(emulator.logged).toContain('"a": fault outage at open');
});

it('an outage of some devices leaves the others alone', async () => {
  const points = FAULT_POINTS.outage.filter((point) => point !== 'handshake');
  await subscribed(faultRule({ kind: 'outage' }, { fromMs: 3_600_000, registrationIds: 'b*', points }));
  const other = await ScriptedDevice.open(emulator);
  await other.exchange(connectPacket('b1'));
  emulator.advance(3_600_000);
  expect(await other.receive()).toBeNull();
  expect(await device.exchange(PING)).toMatchObject({ cmd: 'pingresp' });
  expect(emulator.faultRecords).toMatchObject([{ fault: 'outage', point: 'open', registrationId: 'b1' }]);
});

it('a fault of the assignment is told too', async () => {
  await subscribed(faultRule({ kind: 'endless-assigning' }));
  await answersTo(registerPacket('1'));
  expect(emulator.logged).toContain('"a": fault endless-assigning at assignment');
});
