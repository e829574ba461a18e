import { describe, expect, it } from 'vitest';
import { brokenInvariants, COUNTINGS, quotaRun } from '../support/quota-scenarios.ts';
import { simulateSession } from '../support/simulated-session.ts';

/** Set it to repeat a run that failed. */
const SEED = Number(process.env['DPSLOAD_SIMULATION_SEED'] ?? 20_260_101);

const IDEAL_MS = 10 * 60_000;

describe.each(COUNTINGS)('a run within 1000/min, counted by a %s', (algorithm) => {
  it('registers 10,000 in at most 12% over the ideal time at a share of 90%, with at most 1% throttled', async () => {
    const options = quotaRun(algorithm, 0.9);
    const result = await simulateSession(options);
    expect(brokenInvariants(options, result)).toEqual([]);
    expect(result.results.get('assigned')).toBe(10_000);
    expect(result.durationMs / IDEAL_MS - 1).toBeLessThanOrEqual(0.12);
    expect(result.throttled / result.requests).toBeLessThanOrEqual(0.01);
  });

  it('yields when somebody else takes half of it', async () => {
    const options = quotaRun(algorithm, 0.9, { foreignPerMinute: 500 });
    const result = await simulateSession(options);
    expect(brokenInvariants(options, result)).toEqual([]);
    expect(result.results.get('assigned')).toBe(10_000);
    // The other half would take 20 minutes at best; a full bucket at the start shortens it.
    expect(result.durationMs / (2 * IDEAL_MS)).toBeLessThanOrEqual(1.12);
    expect(result.throttled / result.requests).toBeLessThanOrEqual(0.01);
    const foreignRequests = (500 * result.durationMs) / 60_000;
    expect(result.foreignThrottled / foreignRequests).toBeLessThanOrEqual(0.06);
  });
});

/** A million in all: each way of counting alone and beside somebody else, and one run at a rate of its own. */
describe(`1,000,000 registrations within 1000/min, seed ${SEED}`, () => {
  it.each(
    COUNTINGS.flatMap((algorithm) => [0, 500].map((foreignPerMinute) => [algorithm, foreignPerMinute] as const)),
  )('150,000, %s, %i/min from elsewhere: every invariant holds', async (algorithm, foreignPerMinute) => {
    const options = quotaRun(algorithm, 0.9, { seed: SEED, registrations: 150_000, trouble: 0.01, foreignPerMinute });
    const result = await simulateSession(options);
    expect(brokenInvariants(options, result)).toEqual([]);
    expect(result.results.get('assigned')).toBeGreaterThan(0.99 * options.registrations);
  });

  it('100,000 at 14/s: every invariant holds', async () => {
    const shape = { kind: 'rate', ratePerSecond: 14 } as const;
    const options = quotaRun('sliding-window', 0.9, { seed: SEED, registrations: 100_000, trouble: 0.01, shape });
    const result = await simulateSession(options);
    expect(brokenInvariants(options, result)).toEqual([]);
    expect(result.results.get('assigned')).toBeGreaterThan(0.99 * options.registrations);
  });
});

describe(`50,000 registrations within a quota, over a bad network, seed ${SEED}`, () => {
  it.each([
    ['as fast as the quota allows', quotaRun('sliding-window', 0.9, { registrations: 20_000, trouble: 0.01 })],
    [
      'at a rate of their own, with few slots',
      quotaRun('fixed-window', 0.9, {
        registrations: 10_000,
        shape: { kind: 'rate', ratePerSecond: 14 },
        concurrency: 60,
        trouble: 0.01,
      }),
    ],
    [
      'in batches, without retry-after',
      quotaRun('token-bucket', 0.9, {
        registrations: 10_000,
        shape: { kind: 'batches', size: 800, everyMs: 60_000 },
        service: {
          limit: { algorithm: 'token-bucket', limit: 500, perMs: 60_000 },
          retryAfterSeconds: null,
          trouble: 0.01,
        },
      }),
    ],
    [
      'all at once, beside somebody else',
      quotaRun('sliding-window', 0.9, {
        registrations: 10_000,
        shape: { kind: 'at-once' },
        foreignPerMinute: 400,
        trouble: 0.01,
      }),
    ],
  ])(
    '%s: every invariant holds',
    async (_, options) => {
      const seeded = { ...options, seed: SEED };
      const result = await simulateSession(seeded);
      expect(brokenInvariants(seeded, result)).toEqual([]);
      // What was broken by the network must have been repeated, or the test would show little.
      expect(result.repeated).toBeGreaterThan(100);
      expect(result.results.get('assigned')).toBeGreaterThan(0.99 * options.registrations);
    },
    120_000,
  );
});
