import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { OperatorError, problem } from '../problem/operator-error.ts';
import { makeFolders } from './make-folders.ts';
import { RUN_FILE } from './run-file.ts';

export const JOURNAL_FILE = 'journal.ndjson';

/** A file name has 255 bytes at most, and the results below this folder paths of 4,096. */
const LABEL_CHARACTERS_MAX = 100;

/** Makes `out` when it is absent. @throws OperatorError when it cannot hold a run's folder. */
export function ensureOutFolder(out: string): void {
  try {
    makeFolders(out);
    // With the dot, what is no folder is refused too.
    accessSync(`${out}/.`, constants.W_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError('usage', [
      { ...problem(`the results folder cannot be written: ${reason}`, 'Name another one with --out DIR'), file: out },
    ]);
  }
}

/** Makes the folder of one run, named for its start and its fleet, so that a listing is in order of time. */
export function createRunFolder(out: string, name: string, startedAtEpochMs: number): string {
  const stamp = new Date(startedAtEpochMs).toISOString().slice(0, 19).replaceAll(':', '-');
  const label = basename(name, extname(name)).replace(/[^A-Za-z0-9._-]+/g, '-');
  for (let attempt = 1; ; attempt += 1) {
    const folder = join(out, `${stamp}Z-${label.slice(0, LABEL_CHARACTERS_MAX)}${attempt === 1 ? '' : `-${attempt}`}`);
    try {
      mkdirSync(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** The newest run under `out` of the same fleet against the same target, or `null`. Folders that are no runs are passed over. */
export function findEarlierRun(out: string, digest: string, key: string): string | null {
  return foldersIn(out).find((folder) => isRunOf(folder, digest, key)) ?? null;
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
    const facts = JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8')) as {
      fleet?: { digest?: unknown };
      targetKey?: unknown;
    };
    return facts.fleet?.digest === digest && facts.targetKey === key;
  } catch {
    return false;
  }
}
