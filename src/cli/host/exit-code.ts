import { CommanderError } from 'commander';
import { OperatorError, type OperatorErrorKind } from '../../problem/operator-error.ts';
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
  thresholdFailed:
    'a threshold failed or is undecided, or the allocation verdict is fail and no threshold on allocation decides',
  someFailed:
    'finished, but some registrations failed and no thresholds are set, or rows were left out and no threshold bounds count(left_out), or hub checks failed and no threshold bounds them',
  success: 'all selected devices registered; all thresholds passed',
};

const CODE_OF_OPERATOR_ERROR: Readonly<Record<OperatorErrorKind, number>> = {
  usage: EXIT_CODE.usage,
  unreachable: EXIT_CODE.unreachable,
  local: EXIT_CODE.internalError,
};

/** Exit code of a process that ends with `error`. */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof OperatorError) return CODE_OF_OPERATOR_ERROR[error.kind];
  if (error instanceof StoppedBeforeStart) return EXIT_CODE[error.reason];
  // commander throws 0 for requested help and version too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODE.success : EXIT_CODE.usage;
  return EXIT_CODE.internalError;
}
