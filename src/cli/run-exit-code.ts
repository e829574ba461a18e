import type { RunEnd } from '../coordinator/run-fleet.ts';
import { EXIT_CODE } from './exit-code.ts';

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
