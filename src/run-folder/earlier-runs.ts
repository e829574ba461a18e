import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type TargetName, targetKey, targetLabel } from '../journal/target-name.ts';
import { OperatorError, problem, problemIn } from '../problem/operator-error.ts';
import { findRunFile, RUN_FILE } from './run-file.ts';
import { RUN_PLACE, resumeCommandLine } from './run-folder.ts';

/** The fleet and the target of a run that is about to begin, and the folder that holds the folders of runs. */
export type PlannedRun = { readonly out: string; readonly digest: string; readonly target: TargetName };

/**
 * The newest run under `out` of the same fleet at the same target, or `null`. Folders without a usable run.json are passed over.
 * Each run starts an embedded emulator of its own, which knows no device: it is never the same target.
 *
 * @param except the folder of a run to leave out of the search; `null` = none
 */
export function findEarlierRun({ out, digest, target }: PlannedRun, except: string | null): string | null {
  if (target.kind === 'emulator') return null;
  const isSameRun = (folder: string): boolean => {
    const run = findRunFile(folder, 'fleet', 'addedFleetDigests', 'target');
    if (run === null || targetKey(run.target) !== targetKey(target)) return false;
    return [run.fleet.digest, ...run.addedFleetDigests].includes(digest);
  };
  // However the operator wrote it.
  const isExcepted = (folder: string): boolean => except !== null && realpathSync(folder) === realpathSync(except);
  return foldersIn(out).find((folder) => isSameRun(folder) && !isExcepted(folder)) ?? null;
}

/** The newest run under `out`. @throws OperatorError `usage` when there is none */
export function lastRunFolder(out: string): string {
  const last = foldersIn(out).find((folder) => existsSync(join(folder, RUN_FILE)));
  if (last !== undefined) return last;
  const remedy = 'Name the folder of a run, or the folder that holds it with --out DIR';
  throw new OperatorError('usage', [problemIn(out, 'contains no run', remedy)]);
}

/** Newest first: their names begin with the time of their start. The run of a journey is in the folder of the journey. */
export function foldersIn(out: string): readonly string[] {
  if (!existsSync(out)) return [];
  return readdirSync(out, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(out, entry.name))
    .sort()
    .reverse()
    .map((folder) => (existsSync(join(folder, RUN_PLACE, RUN_FILE)) ? join(folder, RUN_PLACE) : folder));
}

/** @throws OperatorError `usage` when a run under `out` has registered the same fleet at the same target */
export function refuseRepeatedRun(planned: PlannedRun): void {
  const earlier = findEarlierRun(planned, null);
  if (earlier === null) return;
  const message = `this fleet has already been registered with ${targetLabel(planned.target)}: ${earlier}`;
  const remedy = `Continue that run with ${resumeCommandLine(earlier)}, or register the whole fleet again with --again`;
  throw new OperatorError('usage', [problem(message, remedy)]);
}

/**
 * For a run that already has its own `folder` with run.json: when two are started together, neither has one yet when the other
 * looks for earlier runs. Here at least one of them sees the other; possibly both do.
 *
 * @throws OperatorError `usage`
 */
export function refuseTwinRun(planned: PlannedRun, folder: string): void {
  const twin = findEarlierRun(planned, folder);
  if (twin === null) return;
  const message = `another run of this fleet with ${targetLabel(planned.target)} started at the same time: ${twin}`;
  throw new OperatorError('usage', [
    problem(message, 'Let that run continue; if both were refused, start one of them again'),
  ]);
}
