import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProbePauses, SlowStart } from '../../src/load/outage-recovery.ts';
import { type ConnectionLoss, OutageWatch } from '../../src/load/outage-watch.ts';
import { repeatedRequestsMax } from '../../src/load/permits.ts';

const alive = (aliveAtMs: number) => ({ aliveAtMs, losses: [] });
const lost = (...losses: readonly ConnectionLoss[]) => ({ aliveAtMs: null, losses });
/** The connections of so many devices, lost at once. */
const cut = (devices: number, atMs: number, reached = true): readonly ConnectionLoss[] =>
  Array.from({ length: devices }, (_, sequence) => ({ sequence, atMs, reached }));

describe('outage watch', () => {
  it('begins with the first of 20 devices whose connections were lost, and ends with a sign of life', () => {
    const watch = new OutageWatch();
    expect(watch.saw(alive(100), 40)).toBeNull();
    expect(watch.saw(lost(...cut(19, 1_000)), 40)).toBeNull();
    expect(watch.sinceMs).toBeNull();
    expect(watch.saw(lost({ sequence: 19, atMs: 1_500, reached: true }), 40)).toBe('began');
    expect(watch.sinceMs).toBe(1_000);
    expect([999, 1_000, 90_000].map((atMs) => watch.covers(atMs))).toEqual([false, true, true]);
    expect(watch.saw(lost(...cut(40, 4_000)), 40)).toBeNull();
    expect(watch.saw(alive(5_000), 40)).toBe('ended');
    expect([watch.sinceMs, watch.lastedMs]).toEqual([null, 4_000]);
    expect([999, 1_000, 5_000, 5_001].map((atMs) => watch.covers(atMs))).toEqual([false, true, true, false]);
  });

  it.each([
    ['three devices for two seconds', 3, 40, 2_000, false, 'began'],
    ['two of many devices', 2, 40, 60_000, false, null],
    ['all of two devices', 2, 2, 2_000, false, 'began'],
    ['the only device', 1, 1, 2_000, false, 'began'],
    ['three devices for less than two seconds', 3, 40, 1_999, false, null],
    ['a few devices that had reached the target', 19, 19, 60_000, true, null],
  ] as const)('a small run: %s', (_, devices, inFlight, lastedMs, reached, change) => {
    const watch = new OutageWatch();
    watch.saw(alive(0), inFlight);
    expect(watch.saw(lost(...cut(devices, 1_000, reached)), inFlight)).toBeNull();
    expect(watch.saw(lost(...cut(devices, 1_000 + lastedMs, reached)), inFlight)).toBe(change);
  });

  it('is no outage as long as anything gets through, on whichever worker', () => {
    const watch = new OutageWatch();
    for (let second = 1; second < 100; second += 1) {
      expect(watch.saw(lost(...cut(15, second * 1_000 - 1, false)), 99)).toBeNull();
      expect(watch.saw(alive(second * 1_000), 99)).toBeNull();
    }
    // Reported late: it was before the last sign of life.
    expect(watch.saw(lost(...cut(30, 98_000, false)), 99)).toBeNull();
  });

  it('does not end by a sign of life from before it', () => {
    const watch = new OutageWatch();
    watch.saw(alive(0), 30);
    expect(watch.saw(lost(...cut(30, 1_000)), 30)).toBe('began');
    expect(watch.saw(alive(900), 30)).toBeNull();
    expect(watch.sinceMs).toBe(1_000);
  });

  it('does not begin before the target was ever reached', () => {
    expect(new OutageWatch().saw(lost(...cut(1_000, 1_000)), 1_000)).toBeNull();
  });
});

describe('probes', () => {
  it('come after pauses of 1 s, which double up to 30 s', () => {
    const pauses = new ProbePauses(0);
    const waitsMs = Array.from({ length: 8 }, () => {
      const { nextAtMs } = pauses;
      pauses.failed(nextAtMs);
      return pauses.nextAtMs - nextAtMs;
    });
    expect([new ProbePauses(0).nextAtMs, ...waitsMs]).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000,
    ]);
  });
});

describe('slow start', () => {
  const takenIn = (start: SlowStart, steps: number, fromMs = 0): readonly number[] =>
    Array.from({ length: steps }, (_, step) => start.take(1_000_000, fromMs + step * 100));

  it('begins with one and doubles every 100 ms up to the limit', () => {
    expect(takenIn(new SlowStart(0, 160), 9)).toEqual([1, 2, 4, 8, 16, 16, 16, 16, 16]);
    expect([300, 400].map((atMs) => new SlowStart(0, 160).isOver(atMs))).toEqual([false, true]);
  });

  it('property: never exceeds the limit over any time, plus one step, and saves nothing up', () => {
    const looksMs = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 5_000, noNaN: true }), looksMs, (limit, pauses) => {
        const start = new SlowStart(0, limit);
        const stepMax = Math.max(1, limit / 10);
        let atMs = 0;
        let taken = 0;
        for (const pauseMs of pauses) {
          atMs += pauseMs;
          const now = start.take(1_000_000, atMs);
          taken += now;
          expect(now).toBeLessThanOrEqual(stepMax + 1e-6);
          expect(taken).toBeLessThanOrEqual((limit * atMs) / 1_000 + stepMax + 1e-6);
        }
      }),
    );
  });
});

describe('retry budget', () => {
  it.each([
    [0, 100],
    [100, 120],
    [10_000, 2_100],
  ])('after %i first requests, %i may have been repeated', (first, repeated) => {
    expect(repeatedRequestsMax(first)).toBe(repeated);
  });
});
