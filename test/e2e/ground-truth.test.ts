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
const MEDIAN_TOLERANCE_MS = 5;
const TAIL_TOLERANCE_MS = 150;

type Case = {
  readonly name: string;
  readonly delays: ServerDelays;
  readonly devices: number;
  readonly ratePerSecond: number | null;
  readonly concurrency: number;
  readonly medianToleranceMs: number;
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
  // The median lies among the devices of the stall.
  medianToleranceMs: TAIL_TOLERANCE_MS,
};

const BIMODAL: Case = {
  name: 'bimodal, open',
  delays: {
    answers: [
      { share: 0.9, delayMs: 20 },
      { share: 0.1, delayMs: 400 },
    ],
    stalls: null,
    connackSpreadMs: 0,
  },
  devices: 43,
  ratePerSecond: 20,
  concurrency: 100,
  medianToleranceMs: MEDIAN_TOLERANCE_MS,
};

function measured({ delays, ...run }: Case): Promise<TruthVerdict> {
  return runAgainstTruth({
    ...run,
    folder,
    startServer: (logFile) => startDelayingServer({ delays, seed: 1, logFile }),
  });
}

/** The figures that are not true. */
function untrue(times: readonly JudgedTime[], { medianToleranceMs }: Case): readonly JudgedTime[] {
  return times.filter(({ percentile, trueMs, reportedMs }) => {
    if (percentile === 'max') return false;
    const toleranceMs = percentile === 'p50' ? medianToleranceMs : TAIL_TOLERANCE_MS;
    return reportedMs < trueMs - BELOW_MAX_MS || reportedMs > trueMs * (1 + TOLERANCE_SHARE) + toleranceMs;
  });
}

// They mostly wait.
describe.concurrent('the times of a run, beside the log of its server', () => {
  it('are true where the server stalls, and count devices that came meanwhile from their intended start', async () => {
    const { times, log } = await measured(STALLING);
    expect(untrue(times, STALLING)).toEqual([]);
    // Counted from the actual start, as in the closed model, it would be coordinated omission, and would not pass.
    const [trueMs, omittedMs] = [STALLING.ratePerSecond, null].map((rate) =>
      nearestRank(trueTimes(log, rate).response, 95),
    );
    expect(trueMs).toBeGreaterThan((omittedMs ?? 0) + 2 * TAIL_TOLERANCE_MS);
  });

  it('are true where a tenth of the answers take twenty times as long', async () => {
    expect(untrue((await measured(BIMODAL)).times, BIMODAL)).toEqual([]);
  });
});
