import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { z } from 'zod';
import type { TargetName } from '../journal/journal-record.ts';
import { targetKey } from '../journal/target-key.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { makeFolders } from './make-folders.ts';
import { RUN_FILE } from './run-file.ts';

export const JOURNAL_FILE = 'journal.ndjson';

/** A file name has 255 bytes at most, and the results below this folder paths of 4,096. */
const LABEL_CHARACTERS_MAX = 100;

/** Results name devices and hubs: they are for their owner alone. */
export const RUN_FOLDER_MODE = 0o700;

const FOLDER_MODE_DEFAULT = 0o777;

/** What run.json says of the fleets and the target of a run. */
const RUN_IDENTITY = z.object({
  fleet: z.object({ digest: z.string() }),
  addedFleetDigests: z.array(z.string()).default([]),
  target: z.object({ kind: z.enum(['emulator', 'service']), host: z.string(), port: z.number(), idScope: z.string() }),
});

/** Makes `out` when it is absent. @throws OperatorError when it cannot hold a run's folder. */
export function ensureOutFolder(out: string, mode: number = FOLDER_MODE_DEFAULT): void {
  try {
    makeFolders(out, mode);
    // With the dot, what is no folder is refused too.
    accessSync(`${out}/.`, constants.W_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError('usage', [
      { ...problem(`the results folder cannot be written: ${reason}`, 'Name another one with --out DIR'), file: out },
    ]);
  }
}

/** Makes the folder of one run, named for its start and its scenario or fleet, so that a listing is in order of time. */
export function createRunFolder(
  { out, name, fleet }: Pick<Scenario, 'out' | 'name' | 'fleet'>,
  startedAtEpochMs: number,
): string {
  const stamp = new Date(startedAtEpochMs).toISOString().slice(0, 19).replaceAll(':', '-');
  const label = (name ?? basename(fleet.file, extname(fleet.file))).replace(/[^A-Za-z0-9._-]+/g, '-');
  for (let attempt = 1; ; attempt += 1) {
    const folder = join(out, `${stamp}Z-${label.slice(0, LABEL_CHARACTERS_MAX)}${attempt === 1 ? '' : `-${attempt}`}`);
    try {
      mkdirSync(folder, { mode: RUN_FOLDER_MODE });
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

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
