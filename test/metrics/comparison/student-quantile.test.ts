import { describe, expect, it } from 'vitest';
import { studentQuantile } from '../../../src/metrics/comparison/student-quantile.ts';

describe("the quantile of Student's t", () => {
  // From SciPy's t.ppf(1 - tail / 2, df).
  it.each([
    [0.05, 1, 12.706204736],
    [0.0005, 1, 1273.239283],
    [0.0005, 1.5, 131.518316],
    [0.01, 5, 4.032142984],
    [0.0005, 11, 4.863333093],
    [0.0005, 22, 4.076900059],
    [0.0005, 60, 3.680708229],
  ])('beyond which %d lies with %d degrees of freedom is %d', (tail, degreesOfFreedom, expected) => {
    expect(studentQuantile(tail, degreesOfFreedom) / expected).toBeCloseTo(1, 4);
  });
});
