import type { RunEnd } from '../../run/register-fleet.ts';

/** What the process tells its caller; where several apply, the first in this list wins. */
export const EXIT_CODE = {
  /** Also: disk full, folder locked. */
  internalError: 1,
  /** Usage, scenario or fleet file. */
  usage: 2,
  interrupted: 130,
  terminated: 143,
  /** Target unreachable, or preflight or canary failed: nothing or only the canary was registered. */
  unreachable: 4,
  /** Stopped midway (outage, surprises, retry budget); resumable. */
  stoppedMidway: 5,
  thresholdFailed: 99,
  /** Finished, some registrations failed. */
  someFailed: 3,
  success: 0,
} as const;

/** What the process tells its caller about a run that has ended. */
export function exitCodeOf({ reason, summary }: Pick<RunEnd, 'reason' | 'summary'>): number {
  switch (reason) {
    case 'failed':
      return EXIT_CODE.internalError;
    case 'interrupted':
      return EXIT_CODE.interrupted;
    case 'terminated':
      return EXIT_CODE.terminated;
    case 'unreachable':
    case 'canary':
      return EXIT_CODE.unreachable;
    case 'threshold':
      return EXIT_CODE.thresholdFailed;
    case 'outage':
    case 'surprises':
    case 'retry-budget':
      return EXIT_CODE.stoppedMidway;
    case 'completed':
    case 'limit':
      if (summary?.allocation?.verdict === 'fail') return EXIT_CODE.thresholdFailed;
      if (summary !== null && summary.thresholds.length > 0) {
        return summary.thresholds.every(({ passed }) => passed) ? EXIT_CODE.success : EXIT_CODE.thresholdFailed;
      }
      return summary?.verdict === 'all-assigned' ? EXIT_CODE.success : EXIT_CODE.someFailed;
  }
}
