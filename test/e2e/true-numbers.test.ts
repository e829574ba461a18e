import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { isTrue, reportedAcceptance } from '../support/true-delay.ts';

const folder = temporaryFolder();

// The median alone: it needs no quiet machine. All percentiles at several concurrencies are a long test.
it('reports the delay that the server really had, and would not pass for one that is 10% off', async () => {
  const { reported } = await reportedAcceptance({ folder, devices: 60, concurrency: 6, serverDelayMs: 400 });
  expect(reported.p50).toSatisfy((reportedMs: number) => isTrue(reportedMs, 400));
  expect(reported.p50).not.toSatisfy((reportedMs: number) => isTrue(reportedMs, 440));
});
