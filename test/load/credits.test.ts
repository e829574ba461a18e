import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Credits, shares } from '../../src/load/credits.ts';

describe('credits', () => {
  it('holds each worker to its share and its share of the window', () => {
    const credits = new Credits([3, 2], 5);
    expect(credits.available).toBe(10);
    const dealt = Array.from({ length: 10 }, () => credits.deal());
    expect(dealt.filter((worker) => worker === 0)).toHaveLength(6);
    expect(dealt.filter((worker) => worker === 1)).toHaveLength(4);
    expect(credits.available).toBe(0);
    credits.settle(1, 2);
    expect(credits.deal()).toBe(1);
  });

  it('keeps the load even at every moment', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat({ max: 200 }), (workers, rows) => {
        const credits = new Credits(
          Array.from({ length: workers }, () => 50),
          0,
        );
        const counts = Array.from({ length: workers }, () => 0);
        for (let row = 0; row < Math.min(rows, workers * 50); row += 1) {
          const worker = credits.deal();
          counts[worker] = (counts[worker] ?? 0) + 1;
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        }
        expect(credits.outstanding).toBe(Math.min(rows, workers * 50));
      }),
    );
  });

  it('deals a row that only some workers may have to the one of them with the most credit', () => {
    const credits = new Credits([1, 2, 2, 4], 0);
    const mayHave = (worker: number): boolean => worker === 1 || worker === 2;
    expect([credits.availableTo(mayHave), credits.available]).toEqual([4, 9]);
    expect([1, 2, 3, 4].map(() => credits.deal(mayHave)).sort()).toEqual([1, 1, 2, 2]);
    expect([credits.availableTo(mayHave), credits.hasFreeSlotAt(mayHave), credits.hasFreeSlot]).toEqual([
      0,
      false,
      true,
    ]);
    credits.settle(2, 1);
    credits.close(2);
    expect([credits.availableTo(mayHave), credits.hasFreeSlotAt(mayHave)]).toEqual([0, false]);
    credits.open(2);
    expect([credits.availableTo(mayHave), credits.hasFreeSlotAt(mayHave), credits.deal(mayHave)]).toEqual([1, true, 2]);
    expect(credits.hasFreeSlotAt(() => false)).toBe(false);
  });

  it('gives a closed worker nothing, and its share to no other', () => {
    const credits = new Credits([2, 2], 2);
    credits.deal();
    credits.close(0);
    expect([credits.available, credits.outstanding, credits.dealable(9)]).toEqual([3, 1, 3]);
    expect([credits.deal(), credits.deal()]).toEqual([1, 1]);
    expect([credits.hasFreeSlot, credits.available, credits.dealable(9)]).toEqual([false, 1, 1]);
    credits.close(1);
    expect([credits.hasFreeSlot, credits.available, credits.dealable(9)]).toEqual([false, 0, 0]);
    credits.settle(0, 1);
    credits.open(0);
    expect([credits.available, credits.deal()]).toEqual([3, 0]);
    credits.open(1);
    // Limits that shrink between two looks hold nothing back: a worker may wait with a few more.
    expect(credits.dealable(9)).toBe(9);
  });

  it('knows whether the next row would start at once', () => {
    const credits = new Credits([1, 1], 4);
    credits.deal();
    expect(credits.hasFreeSlot).toBe(true);
    credits.deal();
    expect([credits.hasFreeSlot, credits.available]).toEqual([false, 4]);
    credits.settle(1, 1);
    expect([credits.hasFreeSlot, credits.deal()]).toEqual([true, 1]);
  });

  it('gives no new credit to a worker that holds more than a shrunken window allows', () => {
    const credits = new Credits([1], 9);
    for (let row = 0; row < 10; row += 1) credits.deal();
    credits.setRowsAhead(0);
    credits.settle(0, 9);
    expect(credits.available).toBe(0);
    credits.settle(0, 1);
    expect(credits.available).toBe(1);
  });

  it('refuses to settle what was not dealt', () => {
    expect(() => new Credits([1], 0).settle(0, 1)).toThrow(/more than it was dealt/);
  });
});

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
