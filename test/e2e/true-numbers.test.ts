import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { isTrue, reportedAcceptance } from '../support/true-delay.ts';

const folder = temporaryFolder();

/** So long that what a busy machine adds to half of all answers, tens of milliseconds, is within the tolerance. */
const DELAY_MS = 2_000;

// The median alone: it needs no quiet machine. All percentiles at several concurrencies are a long test.
it('reports the delay that the server really had, and would not pass for one that is 10% off', async () => {
  const run = { folder, devices: 60, concurrency: 30, serverDelayMs: DELAY_MS };
  const { reported, served } = await reportedAcceptance(run);
  expect(served.p50).toBeGreaterThanOrEqual(DELAY_MS - 1);
  expect(reported.p50).toSatisfy((reportedMs: number) => isTrue(reportedMs, served.p50));
  expect(reported.p50).not.toSatisfy((reportedMs: number) => isTrue(reportedMs, served.p50 * 1.1));
});
