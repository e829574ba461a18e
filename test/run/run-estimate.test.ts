import { expect, it } from 'vitest';
import type { LoadShape } from '../../src/load/pace.ts';
import { estimateRun } from '../../src/load/run-estimate.ts';
import { QUOTA_PER_MINUTE, quotaRun } from '../support/quota-scenarios.ts';
import { simulateSession } from '../support/simulated-session.ts';

/** How far a run in virtual time, by the real dispatcher, permits and machine, may be off its estimate. */
const TOLERANCE = 0.1;

it.each<[share: number, registrations: number, concurrency: number, shape: LoadShape]>([
  [0.75, 600, 100, { kind: 'closed' }],
  [0.9, 2_500, 200, { kind: 'closed' }],
  [0.75, 2_000, 200, { kind: 'rate', ratePerSecond: 10 }],
  [0.9, 2_000, 900, { kind: 'batches', size: 800, everyMs: 60_000 }],
  [0.75, 1_500, 400, { kind: 'at-once' }],
  [
    0.75,
    1_000,
    200,
    {
      kind: 'stages',
      stages: [
        { ratePerSecond: 5, forMs: 120_000, ramp: true },
        { ratePerSecond: 12, forMs: 120_000, ramp: false },
      ],
    },
  ],
])('at a share of %d, %i devices with %i slots take as long as estimated: %j', async (share, registrations, concurrency, shape) => {
  const result = await simulateSession(quotaRun('token-bucket', share, { registrations, concurrency, shape }));
  const quota = { perMinute: QUOTA_PER_MINUTE, share };
  const load = { shape, concurrency, quota, rounds: 1, durationMs: null, canaryPerGroup: 0, hubs: null };
  expect(result.results.get('assigned')).toBe(registrations);
  expect(Math.abs(result.durationMs / estimateRun(load, registrations).durationMs - 1)).toBeLessThan(TOLERANCE);
});
