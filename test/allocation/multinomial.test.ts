import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binomialProbability, rangeProbability } from '../../src/allocation/multinomial.ts';
import { drawHubs } from '../support/draw-hubs.ts';

type Category = Parameters<typeof rangeProbability>[1][number];

/** By the definition: the sum over all ways in which the counts can be. */
function enumerated(of: number, [first, ...others]: readonly Category[]): number {
  if (first === undefined) return of === 0 ? 1 : 0;
  let sum = 0;
  for (let count = Math.max(0, first.least); count <= Math.min(of, first.most); count += 1) {
    sum += choose(of, count) * first.share ** count * enumerated(of - count, others);
  }
  return sum;
}

function choose(of: number, count: number): number {
  let ways = 1;
  for (let taken = 1; taken <= count; taken += 1) ways *= (of - count + taken) / taken;
  return ways;
}

describe('the probability that counts are in their ranges', () => {
  it('is that of the definition', () => {
    const category = fc.record({
      weight: fc.integer({ min: 1, max: 30 }),
      least: fc.integer({ min: 0, max: 6 }),
      more: fc.integer({ min: 0, max: 20 }),
    });
    const drawn = fc.array(category, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(drawn, fc.integer({ min: 1, max: 25 }), (each, of) => {
        const sum = each.reduce((total, { weight }) => total + weight, 0);
        const categories = each.map(({ weight, least, more }) => ({ share: weight / sum, least, most: least + more }));
        expect(rangeProbability(of, categories)).toBeCloseTo(enumerated(of, categories), 7);
      }),
    );
  });

  it('of a binomial count is that of tables', () => {
    // P(X ≤ 5) and P(X = 10) of 20 with 1/4; P(X ≤ 60) of 100 with 1/2: NIST's handbook and R's pbinom.
    expect(binomialProbability(20, 0.25, { least: 0, most: 5 })).toBeCloseTo(0.617173, 6);
    expect(binomialProbability(20, 0.25, { least: 10, most: 10 })).toBeCloseTo(0.009922, 6);
    expect(binomialProbability(100, 0.5, { least: 0, most: 60 })).toBeCloseTo(0.9824, 4);
  });

  it.each([
    [0, { least: 0, most: 3 }, 1],
    [0, { least: 1, most: 3 }, 0],
    [1, { least: 10, most: 10 }, 1],
    [1, { least: 0, most: 9 }, 0],
  ])('with a share of %d in %j is %d', (share, range, probability) => {
    expect(binomialProbability(10, share, range)).toBeCloseTo(probability, 12);
  });

  it('of a million objects, in bins, is what the normal distribution says to 0.2%', () => {
    const of = 1_000_000;
    for (const [share, deviations, probability] of [
      [0.5, 1.96, 0.95],
      [0.3, 1.645, 0.9],
      [0.001, 2.576, 0.99],
    ] as const) {
      const reach = deviations * Math.sqrt(of * share * (1 - share));
      const range = { least: Math.ceil(of * share - reach), most: Math.floor(of * share + reach) };
      expect(Math.abs(binomialProbability(of, share, range) - probability)).toBeLessThan(0.002);
    }
  });

  it('of three counts is what drawing shows', () => {
    const [of, repetitions, shares] = [5_000, 2_000, [0.5, 0.3, 0.2]] as const;
    const categories = shares.map((share) => {
      const reach = 1.8 * Math.sqrt(of * share * (1 - share));
      return { share, least: Math.ceil(of * share - reach), most: Math.floor(of * share + reach) };
    });
    let inside = 0;
    for (let seed = 1; seed <= repetitions; seed += 1) {
      const counts = drawHubs(of, shares, seed);
      if (categories.every(({ least, most }, i) => (counts[i] ?? 0) >= least && (counts[i] ?? 0) <= most)) inside += 1;
    }
    const probability = rangeProbability(of, categories);
    expect(Math.abs(inside / repetitions - probability)).toBeLessThan(3 * Math.sqrt(0.15 / repetitions));
  });
});
