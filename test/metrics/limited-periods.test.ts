import { expect, it } from 'vitest';
import { LimitedPeriods } from '../../src/metrics/limited-periods.ts';

function periodsOf(
  firstStartMs: number,
  ...delays: readonly (readonly [atMs: number, delayMs: number])[]
): readonly (readonly [fromMs: number, toMs: number])[] {
  const periods = new LimitedPeriods();
  for (const [atMs, delayMs] of delays) periods.add(atMs, delayMs);
  return periods.periods(firstStartMs).map(({ fromMs, toMs }) => [Math.round(fromMs), Math.round(toMs)]);
}

it('names when delays were, from the first start', () => {
  const [[fromMs, toMs] = [Number.NaN, Number.NaN]] = periodsOf(1_000, [6_000, 2_000]);
  expect([fromMs <= 3_000, toMs >= 5_000, fromMs >= 2_000, toMs <= 6_000]).toEqual([true, true, true, true]);
});

it('leaves out what was over before the first start, and all where nothing started', () => {
  const early = [3_000, 2_000] as const;
  expect(periodsOf(10_000, early)).toEqual([]);
  expect(periodsOf(Number.POSITIVE_INFINITY, early)).toEqual([]);
  expect(periodsOf(2_000, early)).toEqual([[0, expect.any(Number)]]);
});
