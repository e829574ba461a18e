import { startDelayingServer } from './delaying-server.ts';
import { type JudgedTime, runAgainstTruth, type TruthVerdict } from './ground-truth.ts';

export const STALLING_RATE_PER_SECOND = 20;

/** In the open model, against a server that answers nothing for 1.5 s now and then. Too few slots for that: launches wait for one. */
export function runAgainstStalls(folder: string): Promise<TruthVerdict> {
  const delays = {
    answers: [{ share: 1, delayMs: 100 }],
    stalls: { everyMs: 3_500, forMs: 1_500 },
    connackSpreadMs: 0,
  };
  return runAgainstTruth({
    name: 'stalling, open',
    devices: 83,
    ratePerSecond: STALLING_RATE_PER_SECOND,
    concurrency: 32,
    folder,
    startServer: (logFile) => startDelayingServer({ delays, seed: 1, logFile }),
  });
}

/** Resolution of a histogram that rounds up, and of microseconds: whatever the machine does, nothing reported is below what the server saw. */
const BELOW_MAX_MS = 0.01;
const TOLERANCE_SHARE = 0.03;
/** `npm run bench truth` is stricter. */
export const TOLERANCE_MS = 150;

export function isTooLow({ trueMs, reportedMs }: JudgedTime): boolean {
  return reportedMs < trueMs - BELOW_MAX_MS;
}

export function isTooHigh({ trueMs, reportedMs }: JudgedTime): boolean {
  return reportedMs > trueMs * (1 + TOLERANCE_SHARE) + TOLERANCE_MS;
}
