import { failsByHubCheck } from '../../report/hub-check-text.ts';
import { failsByAllocation, leavesRowsOutUnjudged } from '../../report/summary.ts';
import type { RunEnd } from '../../run/register-fleet.ts';
import { EXIT_CODE } from './exit-code.ts';

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

/** Exit code of a run that has ended. */
export function exitCodeOfRun({ reason, summary }: Pick<RunEnd, 'reason' | 'summary'>): number {
  const code = CODE_OF_REASON[reason];
  if (code !== null) return code;
  if (summary !== null && failsByAllocation(summary)) return EXIT_CODE.thresholdFailed;
  if (summary !== null && summary.thresholds.length > 0) {
    if (!summary.thresholds.every(({ passed }) => passed)) return EXIT_CODE.thresholdFailed;
    return leavesRowsOutUnjudged(summary) || failsByHubCheck(summary) ? EXIT_CODE.someFailed : EXIT_CODE.success;
  }
  if (summary === null || leavesRowsOutUnjudged(summary) || failsByHubCheck(summary)) return EXIT_CODE.someFailed;
  return ['all-assigned', 'part-assigned'].includes(summary.verdict) ? EXIT_CODE.success : EXIT_CODE.someFailed;
}
