import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { isTrue, reportedAcceptance } from '../support/true-delay.ts';

const folder = temporaryFolder();
const DELAY_MS = 400;

describe('the accepted phase, of a server that answers each register request after a known delay', () => {
  it.each([1, 5, 20, 40])('is that delay at every percentile, %i in flight', async (concurrency) => {
    const devices = Math.max(20, concurrency * 15);
    const reported = await reportedAcceptance({ folder, devices, concurrency, serverDelayMs: DELAY_MS });
    for (const percentile of ['p50', 'p90', 'p99'] as const) {
      expect({ percentile, reportedMs: reported[percentile] }).toSatisfy(
        ({ reportedMs }: { readonly reportedMs: number }) => isTrue(reportedMs, DELAY_MS),
      );
    }
  });

  it('is seen to be another when the server is 10% slower', async () => {
    const reported = await reportedAcceptance({ folder, devices: 100, concurrency: 5, serverDelayMs: DELAY_MS * 1.1 });
    for (const percentile of ['p50', 'p90', 'p99'] as const) expect(isTrue(reported[percentile], DELAY_MS)).toBe(false);
  });
});
