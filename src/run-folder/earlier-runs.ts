import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type TargetName, targetKey, targetLabel } from '../journal/target-name.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import { RUN_FILE } from './run-file.ts';
import { resumeCommandLine } from './run-folder.ts';

/** What run.json says of the fleets and the target of a run. */
const RUN_IDENTITY = z.object({
  fleet: z.object({ digest: z.string() }),
  addedFleetDigests: z.array(z.string()).default([]),
  target: z.object({ kind: z.enum(['emulator', 'service']), host: z.string(), port: z.number(), idScope: z.string() }),
});

/**
 * The newest run under `out` of the same fleet against the same target, or `null`. Folders that are no runs are passed over.
 *
 * @param except the folder of a run that is not meant; `null` = every one is
 */
export function findEarlierRun(out: string, digest: string, target: TargetName, except: string | null): string | null {
  if (!existsSync(out)) return null;
  const key = targetKey(target);
  return foldersIn(out).find((folder) => folder !== except && isRunOf(folder, digest, key)) ?? null;
}

/** The newest run under `out`. @throws OperatorError `usage` when there is none. */
export function lastRunFolder(out: string): string {
  const last = existsSync(out) ? foldersIn(out).find((folder) => existsSync(join(folder, RUN_FILE))) : undefined;
  if (last !== undefined) return last;
  const remedy = 'Name the folder of a run, or the folder that holds it with --out DIR';
  throw new OperatorError('usage', [{ ...problem('there is no run in it', remedy), file: out }]);
}

/** Newest first, by their names. */
function foldersIn(out: string): readonly string[] {
  return readdirSync(out, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(out, entry.name))
    .sort()
    .reverse();
}

function isRunOf(folder: string, digest: string, key: string): boolean {
  try {
    const { fleet, addedFleetDigests, target } = RUN_IDENTITY.parse(
      JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8')),
    );
    return [fleet.digest, ...addedFleetDigests].includes(digest) && targetKey(target) === key;
  } catch {
    return false;
  }
}

/** What would be registered. */
type PlannedRun = { readonly out: string; readonly digest: string; readonly target: TargetName };

/** @throws OperatorError `usage` when a run under `out` has registered the same fleet at the same target. */
export function refuseRepeatedRun({ out, digest, target }: PlannedRun): void {
  const earlier = findEarlierRun(out, digest, target, null);
  if (earlier === null) return;
  throw new OperatorError('usage', [
    problem(
      `this fleet was registered with ${targetLabel(target)} before: ${earlier}`,
      `Go on with it by ${resumeCommandLine(earlier)}, or give --again to register all of it once more`,
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
