import { describe, expect, it } from 'vitest';
import { brokenInvariants, COUNTINGS, quotaRun } from '../support/quota-scenarios.ts';
import { simulateSession } from '../support/simulated-session.ts';

/** Set it to repeat a run that failed. */
const SEED = Number(process.env['DPSLOAD_SIMULATION_SEED'] ?? 20_260_101);

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
