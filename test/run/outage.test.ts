import { describe, expect, it } from 'vitest';
import { busiestWindow } from '../support/busiest-window.ts';
import { GROUP_KEYS } from '../support/group-key.ts';
import { type OutageKind, type OutageRun, sessionWithOutage } from '../support/outage-session.ts';

const RUN = {
  devices: 400,
  concurrency: 200,
  shape: { kind: 'rate', ratePerSecond: 20 },
  onOutage: 'hold',
  fromMs: 5_000,
  retryAfterSeconds: 3,
} as const;

const run = (kind: OutageKind, lastsMs: number, change: Partial<OutageRun> = {}) =>
  sessionWithOutage({ ...RUN, keys: GROUP_KEYS, kind, untilMs: RUN.fromMs + lastsMs, ...change });

/** The connections since the target came back, and how many of them came within so long after the first. */
function sinceBack(connectionsAtMs: readonly number[], backAtMs: number) {
  const momentsMs = connectionsAtMs.filter((atMs) => atMs >= backAtMs);
  const [firstAtMs = 0] = momentsMs;
  return { momentsMs, by: (afterMs: number) => momentsMs.filter((atMs) => atMs < firstAtMs + afterMs).length };
}

describe('400 devices at 20/s: an outage', () => {
  it.each([
    ['refused', 5],
    ['refused', 300],
    ['silent', 45],
    ['silent', 300],
  ] as const)('(%s) of %i s fails no device, and only the probe connects once it is known', async (kind, seconds) => {
    const ran = await run(kind, seconds * 1_000);
    expect(ran.end).toMatchObject({ reason: 'completed' });
    expect(ran.final).toHaveLength(400);
    expect(ran.final.filter(({ result }) => result !== 'assigned')).toEqual([]);
    const knownAtMs = RUN.fromMs + (kind === 'refused' ? 4_000 : 33_000);
    const probes = ran.connectionsAtMs.filter((atMs) => atMs >= knownAtMs && atMs < RUN.fromMs + seconds * 1_000);
    // Pauses of 1, 2, 4, 8, 16 and then 30 s.
    expect(probes.length).toBeLessThanOrEqual(5 + seconds / 30);
    expect(ran.registers).toBe(ran.final.reduce((sum, { registersSent }) => sum + registersSent, 0));
    expect(ran.connectionsAtMs).toHaveLength(ran.final.reduce((sum, { attempts }) => sum + attempts, 0));
  });
});

it.each([
  ['rate', 60],
  ['rate', 20],
  ['closed', 60],
  ['closed', 20],
] as const)('no probe waits for pauses that the service asked for (%s, retry-after %i s)', async (kind, retryAfterSeconds) => {
  const shape = kind === 'rate' ? RUN.shape : ({ kind } as const);
  const { connectionsAtMs, final } = await run('refused', 45_000, { shape, retryAfterSeconds });
  expect(final.filter(({ result }) => result !== 'assigned')).toEqual([]);
  const probes = connectionsAtMs.filter((atMs) => atMs >= RUN.fromMs + 3_000 && atMs < RUN.fromMs + 45_000);
  // Where all slots are taken, the first of those pauses must end before anything can probe.
  const pausesMs = kind === 'closed' ? retryAfterSeconds * 1_000 : 0;
  expect(probes.length).toBeGreaterThanOrEqual(pausesMs > 45_000 ? 0 : pausesMs > 0 ? 3 : 4);
  expect(probes.length).toBeLessThanOrEqual(6);
  const back = connectionsAtMs.find((atMs) => atMs >= RUN.fromMs + 45_000) ?? Number.POSITIVE_INFINITY;
  expect(back).toBeLessThan(RUN.fromMs + 45_000 + Math.max(30_000, pausesMs));
});

it('a load ramps up after an outage, and never exceeds its rate', async () => {
  const { connectionsAtMs } = await run('refused', 45_000, {
    shape: { kind: 'rate', ratePerSecond: 200 },
    concurrency: 2_000,
    devices: 3_000,
  });
  const { momentsMs, by } = sinceBack(connectionsAtMs, RUN.fromMs + 45_000);
  // 10/s × 2^n in the n-th step of 100 ms, and the one that found the target back.
  expect(by(250)).toBeLessThanOrEqual(1 + 1 + 2);
  expect(by(450)).toBeLessThanOrEqual(1 + 1 + 2 + 4 + 8);
  const busiest = busiestWindow(momentsMs, 1_000);
  expect(busiest).toBeGreaterThan(190);
  expect(busiest).toBeLessThanOrEqual(200);
});

it('where slots bound the load, they are filled step by step after an outage', async () => {
  const { connectionsAtMs, final } = await run('refused', 45_000, {
    shape: { kind: 'closed' },
    concurrency: 100,
    fromMs: 5_000,
    devices: 600,
  });
  expect(final.map(({ result }) => result)).toEqual(Array(600).fill('assigned'));
  const { by } = sinceBack(connectionsAtMs, RUN.fromMs + 45_000);
  expect(by(150)).toBeLessThanOrEqual(6);
  expect(by(350)).toBeLessThanOrEqual(24);
  expect(by(2_000)).toBeGreaterThan(100);
});

it('time that a device is held counts as held, and not towards its deadline', async () => {
  const { final } = await run('refused', 600_000);
  const held = final.filter(({ heldUnderWayMs }) => heldUnderWayMs > 0);
  expect(held.length).toBeGreaterThan(10);
  for (const { heldMs, heldUnderWayMs, startedAtMs, finishedAtMs, waitedMs } of held) {
    expect(heldUnderWayMs).toBeGreaterThan(550_000);
    expect(heldMs).toBeGreaterThanOrEqual(heldUnderWayMs);
    expect((finishedAtMs ?? 0) - (startedAtMs ?? 0)).toBeGreaterThanOrEqual(heldUnderWayMs + waitedMs);
  }
});

it.each([1, 2, 3, 10])('a run of %i devices notices an outage too', async (devices) => {
  const shape = { kind: 'rate', ratePerSecond: 100 } as const;
  const { final, during, notices } = await run('refused', 60_000, { devices, shape, fromMs: 1_000 });
  expect(notices[0]).toContain('The target has stopped responding');
  expect(final.map(({ result }) => result)).toEqual(Array(devices).fill('assigned'));
  expect(during).toBeLessThanOrEqual(devices * 3 + 7);
});

it('with --on-outage ignore, devices behave as if they knew nothing of each other: they give up', async () => {
  const { final, during } = await run('refused', 300_000, { onOutage: 'ignore' });
  expect(final.filter(({ result }) => result === 'disconnected').length).toBeGreaterThan(300);
  expect(during).toBeGreaterThan(1_000);
});
