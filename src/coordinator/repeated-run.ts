import type { TargetName } from '../journal/journal-record.ts';
import { targetLabel } from '../journal/target-label.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import { resumeCommand } from './resume-command-line.ts';
import { findEarlierRun } from './run-folder.ts';

/** What would be registered. */
type PlannedRun = { readonly out: string; readonly digest: string; readonly target: TargetName };

/** @throws OperatorError `usage` when a run under `out` has registered the same fleet at the same target. */
export function refuseRepeatedRun({ out, digest, target }: PlannedRun): void {
  const earlier = findEarlierRun(out, digest, target, null);
  if (earlier === null) return;
  throw new OperatorError('usage', [
    problem(
      `this fleet was registered with ${targetLabel(target)} before: ${earlier}`,
      `Go on with it by ${resumeCommand(earlier)}, or give --again to register all of it once more`,
    ),
  ]);
}

/**
 * For a run that has its own `folder` by now, run.json included: of two that were started together, none had one when the other
 * looked for earlier runs. At least one of them sees the other here; perhaps both do.
 *
 * @throws OperatorError `usage`
 */
export function refuseTwinRun({ out, digest, target }: PlannedRun, folder: string): void {
  const twin = findEarlierRun(out, digest, target, folder);
  if (twin === null) return;
  throw new OperatorError('usage', [
    problem(
      `another run of this fleet with ${targetLabel(target)} began meanwhile: ${twin}`,
      'Let that one do it; where both were refused, start one of them again',
    ),
  ]);
}
