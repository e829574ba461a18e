import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chiSquareQuantile,
  chiSquareTail,
  homogeneityTest,
  sumOfTests,
  weightsTest,
} from '../../src/allocation/chi-square.ts';

describe('the tail of chi-square', () => {
  // Upper points as they stand in every textbook: NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.4.
  it.each([
    [1, 0.1, 2.706],
    [1, 0.05, 3.841],
    [1, 0.025, 5.024],
    [1, 0.01, 6.635],
    [1, 0.001, 10.828],
    [2, 0.05, 5.991],
    [2, 0.01, 9.21],
    [3, 0.05, 7.815],
    [5, 0.01, 15.086],
    [10, 0.05, 18.307],
    [10, 0.001, 29.588],
    [20, 0.1, 28.412],
    [30, 0.05, 43.773],
    [50, 0.01, 76.154],
    [100, 0.05, 124.342],
    [100, 0.001, 149.449],
  ])('with %d degrees of freedom, %d lies above %d', (degreesOfFreedom, tail, point) => {
    expect(chiSquareQuantile(tail, degreesOfFreedom)).toBeCloseTo(point, 3);
    expect(chiSquareTail(point, degreesOfFreedom) / tail).toBeCloseTo(1, 2);
  });

  it('is e^(-x/2) with 2 degrees of freedom, and e^(-x/2) (1 + x/2) with 4, at all heights', () => {
    for (const x of [1e-9, 0.1, 1, 3, 5.9, 6, 40, 200, 1_000]) {
      expect(chiSquareTail(x, 2) / Math.exp(-x / 2)).toBeCloseTo(1, 12);
      expect(chiSquareTail(x, 4) / (Math.exp(-x / 2) * (1 + x / 2))).toBeCloseTo(1, 12);
    }
  });

  it('agrees with the normal distribution far out: z = 1.959964, 2.575829, 3.290527, 4.891638', () => {
    for (const [tail, z] of [
      [0.05, 1.959964],
      [0.01, 2.575829],
      [0.001, 3.290527],
      [0.000001, 4.891638],
    ] as const) {
      expect(Math.sqrt(chiSquareQuantile(tail, 1))).toBeCloseTo(z, 5);
    }
  });

  it('falls from 1 to 0, and the quantile undoes it', () => {
    const degrees = fc.integer({ min: 1, max: 400 });
    fc.assert(
      fc.property(degrees, fc.double({ min: 0, max: 2_000, noNaN: true }), (df, x) => {
        const tail = chiSquareTail(x, df);
        expect(tail).toBeGreaterThanOrEqual(0);
        expect(tail).toBeLessThanOrEqual(1);
        expect(chiSquareTail(x + 1, df)).toBeLessThanOrEqual(tail + 1e-12);
        expect(chiSquareTail(x, df + 1)).toBeGreaterThanOrEqual(tail - 1e-12);
      }),
    );
    fc.assert(
      fc.property(degrees, fc.double({ min: 1e-6, max: 0.999, noNaN: true }), (df, tail) => {
        expect(chiSquareTail(chiSquareQuantile(tail, df), df) / tail).toBeCloseTo(1, 6);
      }),
    );
  });
});

describe("Pearson's test", () => {
  const counts = (...values: readonly number[]): ReadonlyMap<string, number> =>
    new Map(values.map((value, index) => [`hub-${index}`, value]));

  it("finds Mendel's peas in agreement with 9 : 3 : 3 : 1", () => {
    // Mendel 1866: 315 round yellow, 101 wrinkled yellow, 108 round green, 32 wrinkled green; chi-square 0.470, p = 0.925.
    const test = weightsTest(counts(315, 101, 108, 32), counts(9 / 16, 3 / 16, 3 / 16, 1 / 16));
    expect(test?.statistic).toBeCloseTo(0.47, 3);
    expect(test?.pValue).toBeCloseTo(0.925, 3);
  });

  it('finds a difference between two samples as the table of a fourfold test has it', () => {
    // [[20, 30], [30, 20]]: chi-square 4 with 1 degree of freedom, p = 0.0455.
    const test = homogeneityTest([counts(20, 30), counts(30, 20)]);
    expect([test?.statistic, test?.degreesOfFreedom]).toEqual([4, 1]);
    expect(test?.pValue).toBeCloseTo(0.0455, 4);
  });

  it('is not computed for one hub, one sample or no device', () => {
    expect(weightsTest(counts(10), counts(1))).toBeNull();
    expect(weightsTest(counts(), counts(0.5, 0.5))).toBeNull();
    expect(homogeneityTest([counts(3, 4), counts(0, 0)])).toBeNull();
    expect(homogeneityTest([counts(3), counts(5)])).toBeNull();
    expect(sumOfTests([null, null])).toBeNull();
  });
});
