import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chiSquareQuantile } from '../../src/allocation/chi-square.ts';
import { differenceInterval, shareInterval, simultaneousWidth } from '../../src/allocation/share-interval.ts';

const ALONE_95 = simultaneousWidth(0.95, 1);

describe('the interval of a share', () => {
  // Newcombe, Statistics in Medicine 17 (1998), 857–872, table I: method 3 (Wilson's score without continuity correction).
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %d in %d is %d to %d', (count, of, lower, upper) => {
    const interval = shareInterval({ count, of }, ALONE_95);
    expect(interval.lower).toBeCloseTo(lower, 4);
    expect(interval.upper).toBeCloseTo(upper, 4);
  });

  it("is as wide as Goodman's table for several shares: the upper 0.05 / k point", () => {
    // B for k = 10 at 95%: chi-square(0.005; 1) = 7.879.
    expect(simultaneousWidth(0.95, 10)).toBeCloseTo(7.879, 3);
    expect(simultaneousWidth(0.95, 1)).toBeCloseTo(chiSquareQuantile(0.05, 1), 12);
  });

  const sample = fc
    .integer({ min: 1, max: 1_000_000 })
    .chain((of) => fc.record({ of: fc.constant(of), count: fc.integer({ min: 0, max: of }) }));
  const width = fc.double({ min: 0.5, max: 30, noNaN: true });

  it('holds the share, lies in 0 to 1, solves the score equation at both ends, and is as wide for the complement', () => {
    fc.assert(
      fc.property(sample, width, ({ count, of }, w) => {
        const { lower, upper } = shareInterval({ count, of }, w);
        const share = count / of;
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(upper).toBeLessThanOrEqual(1);
        expect(lower).toBeLessThanOrEqual(share + 1e-12);
        expect(upper).toBeGreaterThanOrEqual(share - 1e-12);
        for (const end of [lower, upper]) {
          if (end <= 0 || end >= 1) continue;
          expect((share - end) ** 2).toBeCloseTo((w * end * (1 - end)) / of, 9);
        }
        const complement = shareInterval({ count: of - count, of }, w);
        expect(complement.lower).toBeCloseTo(1 - upper, 9);
      }),
    );
  });

  it('narrows as devices are added, and is everything without one', () => {
    expect(shareInterval({ count: 0, of: 0 }, ALONE_95)).toEqual({ lower: 0, upper: 1 });
    fc.assert(
      fc.property(sample, width, ({ count, of }, w) => {
        const [few, many] = [shareInterval({ count, of }, w), shareInterval({ count: 4 * count, of: 4 * of }, w)];
        expect(many.upper - many.lower).toBeLessThan(few.upper - few.lower);
      }),
    );
  });
});

describe('the interval of a difference', () => {
  // Newcombe, Statistics in Medicine 17 (1998), 873–890, table II, method 10.
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 10, 0.6075, 1],
  ])('of %d in %d and %d in %d is %d to %d', (a, m, b, n, lower, upper) => {
    const interval = differenceInterval({ count: b, of: n }, { count: a, of: m }, ALONE_95);
    expect(interval.lower).toBeCloseTo(lower, 4);
    expect(interval.upper).toBeCloseTo(upper, 4);
  });

  it('is everything where one of the samples is empty', () => {
    expect(differenceInterval({ count: 0, of: 0 }, { count: 1, of: 2 }, ALONE_95)).toEqual({ lower: -1, upper: 1 });
  });
});
