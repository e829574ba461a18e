import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REGISTRATION_POLICY_DEFAULT as POLICY } from '../../src/registration/registration-policy.ts';
import { conflictDelayMs, jitter, retryDelayMs } from '../../src/registration/retry-delay.ts';

const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const limits = fc.nat(1_000_000);

describe('the backoff', () => {
  it('stays between base and maximum, in whole milliseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), randoms, limits, limits, (troubles, random, a, b) => {
        const policy = { ...POLICY, retryDelayBaseMs: Math.min(a, b), retryDelayMaxMs: Math.max(a, b) };
        const delayMs = retryDelayMs(troubles, random, policy);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(policy.retryDelayBaseMs);
        expect(delayMs).toBeLessThanOrEqual(policy.retryDelayMaxMs);
      }),
    );
  });

  it('never exceeds the maximum, also when the base does', () => {
    expect(retryDelayMs(1, 0.99, { ...POLICY, retryDelayBaseMs: 5000, retryDelayMaxMs: 100 })).toBe(100);
  });

  it.each([
    [1, 1_000, 1_999],
    [2, 1_000, 3_999],
    [3, 1_000, 7_999],
    [6, 1_000, 63_999],
    [7, 1_000, 99_999],
    [50, 1_000, 99_999],
  ])('after trouble %i draws from %i to %i ms', (troubles, leastMs, mostMs) => {
    expect(retryDelayMs(troubles, 0, POLICY)).toBe(leastMs);
    expect(retryDelayMs(troubles, 1 - Number.EPSILON, POLICY)).toBe(mostMs);
  });
});

it('the pause after a conflict is 1 to 10 s', () => {
  expect(conflictDelayMs(0, POLICY)).toBe(1_000);
  expect(conflictDelayMs(0.5, POLICY)).toBe(5_500);
  expect(conflictDelayMs(1 - Number.EPSILON, POLICY)).toBe(9_999);
});

/**
 * Chi-square of 64 equal buckets: 63 degrees of freedom; above 120 has a probability of about 2 in 100,000. The hash
 * is fixed, so a pass stays one.
 */
const BUCKETS = 64;
const CHI_SQUARE_MAX = 120;

function chiSquare(samples: readonly number[]): number {
  const counts = new Array<number>(BUCKETS).fill(0);
  for (const sample of samples) counts[Math.floor(sample * BUCKETS)] = (counts[Math.floor(sample * BUCKETS)] ?? 0) + 1;
  const expected = samples.length / BUCKETS;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function correlation(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const covariance = mean(xs.map((x, index) => (x - mx) * ((ys[index] ?? 0) - my)));
  return covariance / Math.sqrt(mean(xs.map((x) => (x - mx) ** 2)) * mean(ys.map((y) => (y - my) ** 2)));
}

const numbers = Array.from({ length: 100_000 }, (_, index) => index);
const idOf = (index: number): string => `dev-${String(index).padStart(6, '0')}`;

describe('uniform', () => {
  it.each([
    ['over the IDs of a fleet', (index: number) => jitter(1, idOf(index), 1)],
    ['over the draws of one device', (index: number) => jitter(1, 'dev-000001', index)],
    ['over seeds', (index: number) => jitter(index, 'dev-000001', 1)],
    ['over negative seeds', (index: number) => jitter(-index, 'dev-000001', 1)],
  ])('%s', (_what, draw) => {
    expect(chiSquare(numbers.map(draw))).toBeLessThan(CHI_SQUARE_MAX);
  });
});

describe('independent', () => {
  const first = numbers.map((index) => jitter(1, idOf(index), 1));

  // Of independent samples, the correlation of 100,000 pairs has a standard deviation of 0.0032.
  it.each([
    ['of the next draw', (index: number) => jitter(1, idOf(index), 2)],
    ['of the next device', (index: number) => jitter(1, idOf(index + 1), 1)],
    ['of the next seed', (index: number) => jitter(2, idOf(index), 1)],
  ])('%s', (_what, draw) => {
    expect(Math.abs(correlation(first, numbers.map(draw)))).toBeLessThan(0.015);
  });
});

it('is in [0, 1) and the same for the same arguments', () => {
  fc.assert(
    fc.property(fc.integer(), fc.string(), fc.nat(), (seed, id, draw) => {
      const value = jitter(seed, id, draw);
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThan(1);
      expect(jitter(seed, id, draw)).toBe(value);
    }),
  );
});
