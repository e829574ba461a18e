import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import { registerTopic } from '../../src/dps/topics.ts';
import type { ServiceCounters } from '../../src/emulator/service/service-counters.ts';
import {
  connectPacket,
  pollPacket,
  publishPacket,
  registerPacket,
  subscribePacket,
} from '../support/device-packets.ts';
import { GROUP_KEY, ID_SCOPE, OTHER_KEY } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';

/** DPSLOAD_MEMORY_MINUTES=5 is the short form. */
const MINUTES = Number(process.env['DPSLOAD_MEMORY_MINUTES'] ?? 30);
const MINUTE_MS = 60_000;

/** Each of these registers, polls and leaves, again and again. Few, so that they soon have as many operations as a device may have. */
const DEVICES = 40;
const IN_FLIGHT = 20;
/** Register requests that the device without a pause has under way. */
const FLAT_OUT = 50;

/** By then buffers, caches, compiled code and most devices' operations have their size, also on a busy machine. */
const SETTLED_AFTER_MINUTES = 2;
/** The collector leaves some of what is dead, now more and now less: without a leak, 87 to 168 MB were seen. */
const RSS_GROWTH_BYTES_MAX = 120 * 2 ** 20;
/** Of what is alive. An operation that is never forgotten takes some 300 bytes. */
const HEAP_GROWTH_BYTES_MAX = 4 * 2 ** 20;

const PACKET_TIMEOUT_MS = 2_000;
const SLOW_DEVICES = 300;

type Measured = {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly connections: number;
  readonly counters: ServiceCounters;
};

let emulator: ChildProcess;
let address: { readonly host: string; readonly port: number; readonly caPem: string };

beforeAll(async () => {
  const program = fileURLToPath(new URL('../support/loaded-emulator.mjs', import.meta.url));
  emulator = fork(program, [ID_SCOPE, GROUP_KEY, String(PACKET_TIMEOUT_MS)], { execArgv: ['--expose-gc'] });
  const [ready] = (await once(emulator, 'message')) as [{ port: number; caPem: string }];
  address = { host: '127.0.0.1', ...ready };
});
afterAll(() => emulator.disconnect());

async function measure(): Promise<Measured> {
  emulator.send('measure');
  const [measured] = (await once(emulator, 'message')) as [Measured];
  return measured;
}

function lineOf({ rssBytes, heapBytes, counters: { registrationAttempts, connectsAccepted } }: Measured): string {
  const [rss, heap] = [rssBytes, heapBytes].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`);
  return `${rss}, of which ${heap} alive; ${registrationAttempts} register requests, ${connectsAccepted} connects`;
}

/** Registers on one connection, as fast as it is answered, each request with an ID of its own. */
async function registerWithoutPause(untilMs: number): Promise<void> {
  const device = await ScriptedDevice.open(address);
  await device.exchange(connectPacket('flat-out'));
  await device.exchange(subscribePacket(0));
  let requests = 0;
  const next = (): void => device.send(publishPacket(registerTopic(String(requests++))));
  for (let n = 0; n < FLAT_OUT; n += 1) next();
  while (performance.now() < untilMs) {
    await device.receive();
    next();
  }
  device.close();
}

/** Every tenth has a wrong key, and every tenth of a client ID that is long and unknown. */
async function comeAndGo(index: number): Promise<void> {
  const id = `device-${index % DEVICES}`;
  const device = await ScriptedDevice.open(address);
  if (index % 10 === 1) {
    await device.exchange(connectPacket('x'.repeat(30_000)));
    device.close();
    return;
  }
  const key = index % 10 === 0 ? OTHER_KEY : deriveDeviceKey(GROUP_KEY, id);
  await device.exchange(connectPacket(id, { password: Buffer.from(buildSasToken(ID_SCOPE, id, key, 4_000_000_000)) }));
  await device.exchange(subscribePacket(0));
  const accepted = await device.exchange(registerPacket('1'));
  const { operationId = '5.0.0' } = accepted?.cmd === 'publish' ? JSON.parse(accepted.payload.toString()) : {};
  await device.exchange(pollPacket('2', operationId));
  device.close();
}

it(`memory stays flat over ${MINUTES} minutes of full load`, { timeout: (MINUTES + 5) * MINUTE_MS }, async () => {
  const startMs = performance.now();
  const untilMs = startMs + MINUTES * MINUTE_MS;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < untilMs) await comeAndGo(next++);
  };
  const load = Promise.all([registerWithoutPause(untilMs), ...Array.from({ length: IN_FLIGHT }, lane)]);
  const byMinute: Measured[] = [];
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    await pauseMs(startMs + minute * MINUTE_MS - performance.now());
    byMinute.push(await measure());
    console.log(`minute ${minute}: ${lineOf(byMinute.at(-1) as Measured)}`);
  }
  await load;
  const growth = (of: 'rssBytes' | 'heapBytes'): number => {
    const [settled = Number.NaN, ...later] = byMinute.slice(SETTLED_AFTER_MINUTES - 1).map((each) => each[of]);
    return Math.max(...later) - settled;
  };
  expect(growth('heapBytes')).toBeLessThan(HEAP_GROWTH_BYTES_MAX);
  expect(growth('rssBytes')).toBeLessThan(RSS_GROWTH_BYTES_MAX);
});

it('devices that never end a packet are cut, while others are served', { timeout: 5 * MINUTE_MS }, async () => {
  const before = await measure();
  const bytes = generate(registerPacket('1'.repeat(1_000)));
  const cutAfterMs = await Promise.all(
    Array.from({ length: SLOW_DEVICES }, async (_, n) => {
      const device = await ScriptedDevice.open(address);
      await device.exchange(connectPacket(`slow-${n}`));
      const startMs = performance.now();
      let sent = 0;
      const dripping = setInterval(() => {
        device.socket.write(bytes.subarray(sent, sent + 1));
        sent += 1;
      }, 100);
      const closed = await device.receive();
      clearInterval(dripping);
      expect(closed).toBeNull();
      return performance.now() - startMs;
    }),
  );
  await comeAndGo(5);
  console.log(
    `${SLOW_DEVICES} slow devices, cut after ${Math.min(...cutAfterMs).toFixed(0)} to ${Math.max(...cutAfterMs).toFixed(0)} ms`,
  );
  expect(Math.min(...cutAfterMs)).toBeGreaterThan(PACKET_TIMEOUT_MS);
  await expect.poll(async () => (await measure()).connections, { timeout: 10_000 }).toBe(0);
  expect((await measure()).heapBytes - before.heapBytes).toBeLessThan(HEAP_GROWTH_BYTES_MAX);
});
