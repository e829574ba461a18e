import { describe, expect, it } from 'vitest';
import { type ServerDelays, startDelayingServer } from '../support/delaying-server.ts';
import { type JudgedTime, runAgainstTruth, type TruthVerdict } from '../support/ground-truth.ts';
import { nearestRank, trueTimes } from '../support/server-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** Resolution of a histogram that rounds up, and of microseconds: whatever the machine does, nothing reported is below what the server saw. */
const BELOW_MAX_MS = 0.01;
const TOLERANCE_SHARE = 0.03;
/** On a machine that runs other tests, too. `npm run bench truth` is stricter. */
const TOLERANCE_MS = 150;

type Case = {
  readonly name: string;
  readonly delays: ServerDelays;
  readonly devices: number;
  readonly ratePerSecond: number | null;
  readonly concurrency: number;
};

const STALLING: Case = {
  name: 'stalling, open',
  delays: {
    answers: [{ share: 1, delayMs: 100 }],
    stalls: { everyMs: 3_500, forMs: 1_500 },
    connackSpreadMs: 0,
  },
  devices: 83,
  ratePerSecond: 20,
  // Too few for a stall: launches wait for a slot.
  concurrency: 32,
};

function measured({ delays, ...run }: Case): Promise<TruthVerdict> {
  return runAgainstTruth({
    ...run,
    folder,
    startServer: (logFile) => startDelayingServer({ delays, seed: 1, logFile }),
  });
}

/** The figures that are not true. */
function untrue(times: readonly JudgedTime[]): readonly JudgedTime[] {
  return times.filter(({ percentile, trueMs, reportedMs }) => {
    if (percentile === 'max') return false;
    return reportedMs < trueMs - BELOW_MAX_MS || reportedMs > trueMs * (1 + TOLERANCE_SHARE) + TOLERANCE_MS;
  });
}

// They mostly wait.
describe.concurrent('the times of a run, beside the log of its server', () => {
  it('are true where the server stalls, and count devices that came meanwhile from their intended start', async () => {
    const { times, log } = await measured(STALLING);
    expect(untrue(times)).toEqual([]);
    // Counted from the actual start, as in the closed model, it would be coordinated omission, and would not pass.
    const [trueMs, omittedMs] = [STALLING.ratePerSecond, null].map((rate) =>
      nearestRank(trueTimes(log, rate).response, 95),
    );
    expect(trueMs).toBeGreaterThan((omittedMs ?? 0) + 2 * TOLERANCE_MS);
  });
});
