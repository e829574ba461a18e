import { chiSquareTail } from './chi-square.ts';

/** K. Pearson's test (Philosophical Magazine 50 (1900), 157–175): how often chance alone would give counts as far off as these. */
export type ChiSquareTest = {
  readonly statistic: number;
  readonly degreesOfFreedom: number;
  readonly pValue: number;
};

/** Counts against stated shares; `null` with fewer than two hubs that expect any, or without a device. */
export function weightsTest(
  counts: ReadonlyMap<string, number>,
  shares: ReadonlyMap<string, number>,
): ChiSquareTest | null {
  const expected = [...shares].filter(([, share]) => share > 0);
  // A hub that is to get nothing has no expected count to compare with: the verdict speaks of it.
  const devices = expected.reduce((sum, [hub]) => sum + (counts.get(hub) ?? 0), 0);
  if (expected.length < 2 || devices === 0) return null;
  const statistic = expected.reduce((sum, [hub, share]) => {
    return sum + ((counts.get(hub) ?? 0) - devices * share) ** 2 / (devices * share);
  }, 0);
  return testOf(statistic, expected.length - 1);
}

/** Whether several samples can be of the same shares; `null` with fewer than two samples or hubs. */
export function homogeneityTest(samples: readonly ReadonlyMap<string, number>[]): ChiSquareTest | null {
  const rows = samples.map((counts) => ({ counts, of: total(counts) })).filter(({ of }) => of > 0);
  const all = rows.reduce((sum, { of }) => sum + of, 0);
  const hubs = [...new Set(rows.flatMap(({ counts }) => [...counts.keys()]))]
    .map((hub) => ({ hub, count: rows.reduce((sum, { counts }) => sum + (counts.get(hub) ?? 0), 0) }))
    .filter(({ count }) => count > 0);
  if (rows.length < 2 || hubs.length < 2) return null;
  let statistic = 0;
  for (const { counts, of } of rows) {
    for (const { hub, count } of hubs) {
      const expected = (of * count) / all;
      statistic += ((counts.get(hub) ?? 0) - expected) ** 2 / expected;
    }
  }
  return testOf(statistic, (rows.length - 1) * (hubs.length - 1));
}

/** Of independent samples: their statistics and their degrees of freedom add up. */
export function sumOfTests(tests: readonly (ChiSquareTest | null)[]): ChiSquareTest | null {
  const there = tests.filter((test) => test !== null);
  if (there.length === 0) return null;
  const statistic = there.reduce((sum, test) => sum + test.statistic, 0);
  const degreesOfFreedom = there.reduce((sum, test) => sum + test.degreesOfFreedom, 0);
  return testOf(statistic, degreesOfFreedom);
}

function testOf(statistic: number, degreesOfFreedom: number): ChiSquareTest {
  return { statistic, degreesOfFreedom, pValue: chiSquareTail(statistic, degreesOfFreedom) };
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
