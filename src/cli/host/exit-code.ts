import { CommanderError } from 'commander';
import { OperatorError, type OperatorErrorKind } from '../../problem/operator-error.ts';
import { leavesRowsOutUnjudged } from '../../report/summary.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import { StoppedBeforeStart } from '../../run/stop-request.ts';

/** Where several apply, the first one wins. */
export const EXIT_CODE = {
  internalError: 1,
  usage: 2,
  interrupted: 130,
  terminated: 143,
  unreachable: 4,
  stoppedMidway: 5,
  thresholdFailed: 99,
  someFailed: 3,
  success: 0,
} as const;

/** As the help explains them. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODE, string>> = {
  internalError: 'internal error, full disk or locked folder',
  usage: 'invalid command line, scenario or fleet file',
  interrupted: 'stopped by SIGINT (Ctrl-C)',
  terminated: 'stopped by SIGTERM',
  unreachable: 'target unreachable, or a canary device failed; no other device was registered',
  stoppedMidway: 'stopped midway by an outage, surprises or the retry budget; resumable',
  thresholdFailed: 'a threshold failed, or the allocation verdict is fail',
  someFailed:
    'finished, but some registrations failed and no thresholds are set, or rows were left out and no threshold bounds count(left_out)',
  success: 'all selected devices registered; all thresholds passed',
};

/** `null` = the results decide. */
const CODE_OF_REASON: Readonly<Record<RunEnd['reason'], number | null>> = {
  failed: EXIT_CODE.internalError,
  interrupted: EXIT_CODE.interrupted,
  terminated: EXIT_CODE.terminated,
  unreachable: EXIT_CODE.unreachable,
  canary: EXIT_CODE.unreachable,
  threshold: EXIT_CODE.thresholdFailed,
  outage: EXIT_CODE.stoppedMidway,
  surprises: EXIT_CODE.stoppedMidway,
  'retry-budget': EXIT_CODE.stoppedMidway,
  completed: null,
  limit: null,
};

const CODE_OF_OPERATOR_ERROR: Readonly<Record<OperatorErrorKind, number>> = {
  usage: EXIT_CODE.usage,
  unreachable: EXIT_CODE.unreachable,
  local: EXIT_CODE.internalError,
};

/** Exit code of a run that has ended. */
export function exitCodeOfRun({ reason, summary }: Pick<RunEnd, 'reason' | 'summary'>): number {
  const code = CODE_OF_REASON[reason];
  if (code !== null) return code;
  if (summary?.allocation?.verdict === 'fail') return EXIT_CODE.thresholdFailed;
  if (summary !== null && summary.thresholds.length > 0) {
    if (!summary.thresholds.every(({ passed }) => passed)) return EXIT_CODE.thresholdFailed;
    return leavesRowsOutUnjudged(summary) ? EXIT_CODE.someFailed : EXIT_CODE.success;
  }
  if (summary === null || leavesRowsOutUnjudged(summary)) return EXIT_CODE.someFailed;
  return ['all-assigned', 'part-assigned'].includes(summary.verdict) ? EXIT_CODE.success : EXIT_CODE.someFailed;
}

/** Exit code of a process that ends with `error`. */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof OperatorError) return CODE_OF_OPERATOR_ERROR[error.kind];
  if (error instanceof StoppedBeforeStart) return EXIT_CODE[error.reason];
  // commander throws 0 for requested help and version too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.success : EXIT_CODE.usage;
  return EXIT_CODE.internalError;
}
