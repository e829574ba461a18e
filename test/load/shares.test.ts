import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shares } from '../../src/load/shares.ts';

describe('shares', () => {
  it.each([
    [10, 3, [4, 3, 3]],
    [2, 3, [1, 1, 0]],
    [0, 2, [0, 0]],
    [100, 1, [100]],
    [7, 7, [1, 1, 1, 1, 1, 1, 1]],
  ])('splits %i over %i as %j', (total, parts, expected) => {
    expect(shares(total, parts)).toEqual(expected);
  });

  it('sums to the whole and differs by one at most, the larger first', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000 }), fc.integer({ min: 1, max: 500 }), (total, parts) => {
        const result = shares(total, parts);
        expect(result).toHaveLength(parts);
        expect(result.reduce((sum, share) => sum + share, 0)).toBe(total);
        expect((result[0] ?? 0) - (result.at(-1) ?? 0)).toBeLessThanOrEqual(1);
        expect([...result].sort((a, b) => b - a)).toEqual(result);
      }),
    );
  });

  it.each([
    [10, 0],
    [10, 1.5],
    [-1, 2],
    [Number.NaN, 2],
  ])('refuses %d over %d', (total, parts) => {
    expect(() => shares(total, parts)).toThrow(/must be/);
  });
});
