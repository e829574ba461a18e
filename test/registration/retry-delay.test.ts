import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REGISTRATION_POLICY_DEFAULT as POLICY } from '../../src/registration/registration-policy.ts';
import { conflictDelayMs, retryDelayMs } from '../../src/registration/retry-delay.ts';

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
