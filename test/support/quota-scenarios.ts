import type { RateLimit } from '../../src/emulator/service/quotas.ts';
import { busiestWindow } from './busiest-window.ts';
import type { SimulatedSessionOptions, SimulatedSessionResult } from './simulated-session.ts';

/** How a service may count: nobody outside knows how the real one does. */
export const COUNTINGS: readonly RateLimit['algorithm'][] = ['token-bucket', 'fixed-window', 'sliding-window'];

export const QUOTA_PER_MINUTE = 1_000;
const MINUTE_MS = 60_000;

/** A run within 1000/min. @param share of the quota. */
export function quotaRun(
  algorithm: RateLimit['algorithm'],
  share: number,
  changes: Partial<SimulatedSessionOptions> & { readonly trouble?: number } = {},
): SimulatedSessionOptions {
  const { trouble = 0, ...rest } = changes;
  return {
    seed: 1,
    registrations: 10_000,
    shape: { kind: 'closed' },
    concurrency: 200,
    sharePerMinute: QUOTA_PER_MINUTE * share,
    governor: true,
    service: { limit: { algorithm, limit: QUOTA_PER_MINUTE, perMs: MINUTE_MS }, retryAfterSeconds: 'exact', trouble },
    foreignPerMinute: 0,
    workers: 2,
    messageDelayMaxMs: 0,
    faults: [],
    ...rest,
  };
}

/**
 * What is true of every session within a quota, whatever its seed:
 * 1. every row settles, once; 2. no row is registered twice without being marked, and none is assigned without having been
 * registered; 3. no retry-after is undercut (1 to 3: as the service saw them); 4. no 60 seconds hold more permits than the
 * share; 5. nor more register requests, where they are sent; 6. every register request had a permit; 7. no more rows are under way than the
 * concurrency.
 *
 * @returns what is not as it must be.
 */
export function brokenInvariants(options: SimulatedSessionOptions, result: SimulatedSessionResult): readonly string[] {
  const { concurrency } = options;
  const sharePerMinute = options.sharePerMinute ?? Number.POSITIVE_INFINITY;
  const broken = [...result.violations];
  const permits = busiestWindow(result.permitsAtMs, MINUTE_MS);
  if (permits > sharePerMinute) broken.push(`${permits} permits in 60 s`);
  const registers = busiestWindow(result.registersAtMs, MINUTE_MS);
  if (registers > sharePerMinute) broken.push(`${registers} register requests in 60 s`);
  if (result.registersAtMs.length > result.permitsAtMs.length) broken.push('register requests without permits');
  if (result.outstandingMax > concurrency) broken.push(`${result.outstandingMax} rows under way`);
  return broken;
}
