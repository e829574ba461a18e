import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askedPerSecond,
  type LoadShape,
  launchesPerMinuteMax,
  type Pace,
  paceOf,
  type Stage,
} from '../../src/load/pace.ts';

function intended(pace: Pace, index: number): number {
  return pace.intendedAtMs(index) ?? Number.NaN;
}

describe('constant pace', () => {
  it.each([
    [50, 0, 0, 0],
    [50, 0, 1, 20],
    [50, 1000, 100, 3000],
    [15, 0, 30, 2000],
  ])('at %d/s from %d ms, launch %d is meant for %d ms', (rate, startAtMs, index, expected) => {
    expect(paceOf({ kind: 'rate', ratePerSecond: rate }, startAtMs).intendedAtMs(index)).toBeCloseTo(expected, 9);
  });

  it('has a launch due exactly when its intended start has come', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 5000, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.nat({ max: 1_000_000 }),
        (rate, startAtMs, index) => {
          const pace = paceOf({ kind: 'rate', ratePerSecond: rate }, startAtMs);
          const intendedAtMs = intended(pace, index);
          // A hair's breadth for rounding in the last bits.
          const hairMs = 1e-3 * (1000 / rate) + 1e-6;
          expect(pace.dueBy(intendedAtMs + hairMs)).toBe(index + 1);
          expect(pace.dueBy(intendedAtMs - hairMs)).toBe(index);
        },
      ),
    );
  });
});

describe('closed pace', () => {
  it('sets no limit and no intended start', () => {
    expect(paceOf({ kind: 'closed' }, 0).intendedAtMs(7)).toBeNull();
    expect(paceOf({ kind: 'closed' }, 0).dueBy(0)).toBe(Number.POSITIVE_INFINITY);
    expect(paceOf({ kind: 'closed' }, 0).total).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('at-once pace', () => {
  it('means every launch for the start', () => {
    const pace = paceOf({ kind: 'at-once' }, 100);
    expect([0, 1, 999_999].map((index) => pace.intendedAtMs(index))).toEqual([100, 100, 100]);
    expect(pace.dueBy(99.9)).toBe(0);
    expect(pace.dueBy(100)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('batch pace', () => {
  it('starts so many at the beginning of each interval', () => {
    const pace = paceOf({ kind: 'batches', size: 200, everyMs: 60_000 }, 500);
    expect([0, 199, 200, 399, 400].map((index) => pace.intendedAtMs(index))).toEqual([
      500, 500, 60_500, 60_500, 120_500,
    ]);
    expect([499, 500, 60_499, 60_500].map((atMs) => pace.dueBy(atMs))).toEqual([0, 200, 200, 400]);
  });
});

const RISE: readonly Stage[] = [
  { ratePerSecond: 10, forMs: 60_000, ramp: false },
  { ratePerSecond: 50, forMs: 120_000, ramp: false },
  { ratePerSecond: 0, forMs: 30_000, ramp: false },
  { ratePerSecond: 10, forMs: 1_000, ramp: false },
];

describe('stages', () => {
  it.each([
    [0, 0],
    [599, 59_900],
    // The first of the second stage.
    [600, 60_000],
    [6_599, 179_980],
    // Due when the pause begins: it starts when the pause has ended.
    [6_600, 210_000],
    [6_609, 210_900],
  ])('launch %d is meant for %d ms', (index, expected) => {
    expect(paceOf({ kind: 'stages', stages: RISE }, 0).intendedAtMs(index)).toBeCloseTo(expected, 6);
  });

  it.each([
    [-1, 0],
    [0, 1],
    [59_999, 600],
    [60_000, 601],
    [180_000, 6_600],
    [209_999, 6_600],
    [210_000, 6_601],
    [211_000, 6_610],
    [1e9, 6_610],
  ])('at %d ms, %d launches are due', (atMs, expected) => {
    expect(paceOf({ kind: 'stages', stages: RISE }, 0).dueBy(atMs)).toBe(expected);
  });

  it.each<[string, readonly Stage[], number]>([
    ['1000/min for 1 m', [{ ratePerSecond: 1000 / 60, forMs: 60_000, ramp: false }], 1000],
    ['0.1/s for 3 s, a third of a launch', [{ ratePerSecond: 0.1, forMs: 3_000, ramp: false }], 1],
    ['a ramp from 0 to 10/s in 1 m', [{ ratePerSecond: 10, forMs: 60_000, ramp: true }], 300],
    ['a ramp down', [RISE[0] as Stage, { ratePerSecond: 0, forMs: 60_000, ramp: true }], 900],
    ['a pause alone', [{ ratePerSecond: 0, forMs: 60_000, ramp: false }], 0],
    ['no stage', [], 0],
  ])('%s: exactly so many launches', (_, stages, total) => {
    const pace = paceOf({ kind: 'stages', stages }, 7);
    expect(pace.total).toBe(total);
    expect(pace.dueBy(1e12)).toBe(total);
    expect(() => pace.intendedAtMs(total)).toThrow(/have no launch/);
  });

  it('accelerates on a ramp', () => {
    const pace = paceOf({ kind: 'stages', stages: [{ ratePerSecond: 10, forMs: 60_000, ramp: true }] }, 0);
    // N(t) = 10 t² / 120: 75 launches need 30 s.
    expect(pace.intendedAtMs(75)).toBeCloseTo(30_000, 6);
    expect(pace.dueBy(30_001)).toBe(76);
  });

  const stage = fc.record({
    ratePerSecond: fc.oneof(fc.constant(0), fc.double({ min: 0.05, max: 2_000, noNaN: true })),
    forMs: fc.integer({ min: 1, max: 600_000 }),
    ramp: fc.boolean(),
  });

  it('never goes back in time, and its two formulas are inverse', () => {
    fc.assert(
      fc.property(
        fc.array(stage, { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (stages, share) => {
          const pace = paceOf({ kind: 'stages', stages }, 1_000);
          fc.pre(pace.total > 0);
          const index = Math.min(pace.total - 1, Math.floor(share * pace.total));
          const atMs = intended(pace, index);
          expect(atMs).toBeGreaterThanOrEqual(1_000);
          if (index > 0) expect(atMs).toBeGreaterThanOrEqual(intended(pace, index - 1));
          expect(pace.dueBy(atMs + 0.01)).toBeGreaterThanOrEqual(index + 1);
          // Where the rate is next to nothing, a hair of count is a long time; elsewhere none is due before its moment.
          expect(pace.dueBy(Math.max(0, atMs - 0.01))).toBeLessThanOrEqual(index + 1);
        },
      ),
    );
  });

  it('has as many due at the end of each stage as the areas under the rates say', () => {
    fc.assert(
      fc.property(fc.array(stage, { minLength: 1, maxLength: 6 }), (stages) => {
        const pace = paceOf({ kind: 'stages', stages }, 0);
        let area = 0;
        let endMs = 0;
        let before = 0;
        for (const { ratePerSecond, forMs, ramp } of stages) {
          area += ((ramp ? (before + ratePerSecond) / 2 : ratePerSecond) * forMs) / 1000;
          endMs += forMs;
          before = ratePerSecond;
        }
        expect(Math.abs(pace.total - area)).toBeLessThanOrEqual(1);
        expect(pace.dueBy(endMs)).toBe(pace.total);
      }),
    );
  });
});

describe('the busiest minute of stages', () => {
  const jump = (ratePerSecond: number, seconds: number): Stage => ({
    ratePerSecond,
    forMs: seconds * 1_000,
    ramp: false,
  });
  const rise = (ratePerSecond: number, seconds: number): Stage => ({ ...jump(ratePerSecond, seconds), ramp: true });

  it.each<[string, readonly Stage[], number]>([
    ['a burst of 5 s', [jump(50, 5)], 250],
    ['a burst before less', [jump(50, 5), jump(1, 600)], 305],
    ['two bursts within a minute', [jump(10, 10), jump(0, 20), jump(10, 10), jump(0, 600)], 200],
    ['two bursts that are further apart', [jump(10, 10), jump(0, 60), jump(10, 10)], 100],
    ['a steady rate', [jump(15, 600)], 900],
    ['a rise', [rise(10, 60)], 300],
    ['the end of a longer rise', [rise(10, 120)], 450],
    // 30 s on each side of the peak, from half its rate.
    ['a peak', [rise(20, 60), rise(0, 60)], 900],
    ['nothing', [jump(0, 60)], 0],
  ])('%s', (_, stages, launches) => {
    expect(launchesPerMinuteMax({ kind: 'stages', stages })).toBe(launches);
  });

  it('holds what any minute holds, and no more than the busiest of many', () => {
    const short = fc.record({
      ratePerSecond: fc.integer({ min: 0, max: 20 }),
      forMs: fc.integer({ min: 1, max: 90_000 }),
      ramp: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(short, { minLength: 1, maxLength: 5 }), (stages) => {
        const pace = paceOf({ kind: 'stages', stages }, 0);
        const endMs = stages.reduce((sum, { forMs }) => sum + forMs, 0);
        const starts = Array.from({ length: 2_000 }, (_, index) => -60_000 + ((endMs + 60_000) * index) / 2_000);
        const counts = starts.map((atMs) => pace.dueBy(atMs + 60_000) - pace.dueBy(atMs));
        const found = launchesPerMinuteMax({ kind: 'stages', stages });
        // A launch more or less at each end, and what the rate may add between two of the starts.
        expect(Math.max(...counts)).toBeLessThanOrEqual(found + 2);
        expect(Math.max(...counts)).toBeGreaterThanOrEqual(found - 2 - (20 * (endMs + 60_000)) / 2_000 / 1_000);
      }),
    );
  });
});

describe('load shape', () => {
  it.each<[LoadShape, number, number]>([
    [{ kind: 'closed' }, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [{ kind: 'rate', ratePerSecond: 5 }, 300, 6],
    [{ kind: 'stages', stages: RISE }, 3_000, 11],
    [{ kind: 'batches', size: 200, everyMs: 40_000 }, 400, 200],
    [{ kind: 'at-once' }, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('%j has its busiest minute and its pace', (shape, perMinute, dueAfterOneSecond) => {
    expect(launchesPerMinuteMax(shape)).toBe(perMinute);
    expect(paceOf(shape, 0).dueBy(1_000)).toBe(dueAfterOneSecond);
  });

  it('asks for the rate of its busiest minute, or for what fills the slots when registrations take 10 s', () => {
    expect(askedPerSecond({ kind: 'rate', ratePerSecond: 5 }, 100)).toBe(5);
    expect(askedPerSecond({ kind: 'stages', stages: RISE }, 100)).toBe(50);
    expect(askedPerSecond({ kind: 'closed' }, 100)).toBe(10);
    expect(askedPerSecond({ kind: 'at-once' }, 5)).toBe(0.5);
  });
});
