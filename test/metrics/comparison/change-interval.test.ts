import { describe, expect, it } from 'vitest';
import { type Change, simultaneousIntervals } from '../../../src/metrics/comparison/change-interval.ts';
import type { RunEstimate } from '../../../src/metrics/comparison/run-estimate.ts';
import { randomFrom } from '../../support/sample-journal.ts';

const DRAWS = 2_000;

/** A figure whose drawn runs are spread evenly by `spread` to either side. */
function estimate(value: number, spread: number, changes: Partial<RunEstimate> = {}, seed = value): RunEstimate {
  const random = randomFrom(seed);
  const sampled = Float64Array.from({ length: DRAWS }, () => value + (random() * 2 - 1) * spread);
  return { value, sampled, blocks: 20, dependence: 1, halves: { lower: value, upper: value }, outOf: null, ...changes };
}

const widthOf = (changes: readonly Change[], index = 0): number => {
  const interval = simultaneousIntervals(changes, 0.99)[index] ?? { lower: Number.NaN, upper: Number.NaN };
  return interval.upper - interval.lower;
};

const change = (spread: number, seed = 1, blocks = 20): Change => ({
  baselines: [estimate(100, spread, { blocks }, seed)],
  candidate: estimate(120, spread, { blocks }, seed + 1_000),
});

describe('the interval of a change', () => {
  it('is a point where nothing varies', () => {
    expect(simultaneousIntervals([change(0)], 0.99)).toEqual([{ lower: 20, upper: 20 }]);
  });

  it('is not known of single runs with few blocks', () => {
    expect(simultaneousIntervals([change(5, 1, 7)], 0.99)).toEqual([null]);
  });

  it.each([
    [1, true],
    [0.5, true],
    [0.05, false],
  ])('of a share is known without blocks: %d failed where none did before, which is sure: %s', (value, isSure) => {
    const share = (of: number): RunEstimate => ({ ...estimate(of, 0, { blocks: 1, outOf: 300 }), value: of });
    const [interval] = simultaneousIntervals([{ baselines: [share(0)], candidate: share(value) }], 0.99);
    expect((interval?.lower ?? 0) > 0.001).toBe(isSure);
  });

  it('is wider for fewer blocks, for blocks that depend on each other, and for more figures', () => {
    const usual = widthOf([change(5)]);
    const dependent = { ...change(5), candidate: estimate(120, 5, { dependence: 4 }, 1_001) };
    expect(widthOf([change(5, 1, 8)])).toBeGreaterThan(1.1 * usual);
    expect(widthOf([dependent])).toBeGreaterThan(1.3 * usual);
    expect(widthOf(Array.from({ length: 20 }, (_, figure) => change(5, figure + 1)))).toBeGreaterThan(1.2 * usual);
  });

  it('is no wider for figures that say the same', () => {
    expect(widthOf(Array.from({ length: 20 }, () => change(5)))).toBeCloseTo(widthOf([change(5)]), 9);
  });

  it('holds what one rare event can do, such as the only stall of a run', () => {
    const stalled = Float64Array.from({ length: DRAWS }, (_, draw) => (draw % 20 === 0 ? 100 : 3_000));
    const candidate = { ...estimate(3_000, 0), sampled: stalled };
    const [interval] = simultaneousIntervals([{ baselines: [estimate(100, 0)], candidate }], 0.99);
    expect(interval?.lower).toBeLessThanOrEqual(0);
  });

  it('holds what the quieter half of a run says, since two stalls lie in the other', () => {
    const candidate = estimate(3_000, 0, { halves: { lower: 99, upper: 4_000 } });
    const [interval] = simultaneousIntervals([{ baselines: [estimate(100, 0)], candidate }], 0.99);
    expect(interval).toEqual({ lower: -1, upper: 3_900 });
  });

  it('grows by what differs between several runs of the baseline', () => {
    const against = (values: readonly number[]): number =>
      widthOf([{ baselines: values.map((value) => estimate(value, 1)), candidate: estimate(101, 1) }]);
    expect(against([100, 100.1, 99.9, 100.2])).toBeLessThan(widthOf([change(1)]));
    expect(against([90, 110, 95, 105])).toBeGreaterThan(5 * against([100, 100.1, 99.9, 100.2]));
  });

  it('of a figure with one value for a run comes from the runs of the baseline alone', () => {
    const single = (value: number): RunEstimate => estimate(value, 0, { sampled: new Float64Array(), blocks: 0 });
    const [interval] = simultaneousIntervals([{ baselines: [99, 100, 101].map(single), candidate: single(130) }], 0.99);
    // 30 ± t(0.01; 2) · √(1 + 1/3)
    expect(interval?.lower).toBeCloseTo(30 - 9.92484 * Math.sqrt(4 / 3), 3);
  });
});
