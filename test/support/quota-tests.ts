import { describe, expect, it } from 'vitest';
import type { RateLimit } from '../../src/emulator/service/quotas.ts';
import { brokenInvariants, quotaRun } from './quota-scenarios.ts';
import { simulateSession } from './simulated-session.ts';

const IDEAL_MS = 10 * 60_000;

/** Tests of 10,000 registrations within a quota that the service counts in this way. */
export function describeRunsWithinQuota(algorithm: RateLimit['algorithm']): void {
  describe(`a run within 1000/min, counted by a ${algorithm}`, () => {
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
}
