import { accessSync, constants, mkdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { makeFolders } from '../files/folders.ts';
import { quoteForShell } from '../files/quote-for-shell.ts';
import { messageOf, OperatorError, problemIn } from '../problem/operator-error.ts';
import type { Scenario } from '../scenario/scenario.ts';

export const JOURNAL_FILE = 'journal.ndjson';

/** What the hub checks found; only a run with hub checks has it. */
export const HUB_CHECKS_FILE = 'hub-checks.ndjson';

/** The folder of a run in that of its journey. */
export const RUN_PLACE = 'run';

/** A file name has at most 255 bytes, and the paths of results below this folder at most 4,096. */
const LABEL_CHARACTERS_MAX = 100;

/** Results name devices and hubs: only their owner may read them. */
export const RUN_FOLDER_MODE = 0o700;

const FOLDER_MODE_DEFAULT = 0o777;

/** Creates `out` if it does not exist. @throws OperatorError when it cannot hold a run's folder */
export function ensureOutFolder(out: string, mode: number = FOLDER_MODE_DEFAULT): void {
  try {
    makeFolders(out, mode);
    // With the dot, a file is refused too.
    accessSync(`${out}/.`, constants.W_OK);
  } catch (error) {
    const message = `the results folder cannot be written: ${messageOf(error)}`;
    throw new OperatorError('usage', [problemIn(out, message, 'Name another folder with --out DIR')]);
  }
}

/**
 * Creates the folder of one run, named for its start and its scenario or fleet: a listing is in order of time.
 *
 * @param given this one instead; `null` = none
 */
export function createRunFolder(
  { out, name, fleet }: Pick<Scenario, 'out' | 'name'> & { readonly fleet: Pick<Scenario['fleet'], 'file'> },
  startedAtEpochMs: number,
  given: string | null = null,
): string {
  if (given !== null) {
    mkdirSync(given, { mode: RUN_FOLDER_MODE });
    return given;
  }
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
 * The command that resumes a run.
 *
 * @param switches options that the next session needs
 */
export function resumeCommandLine(folder: string, switches: readonly string[] = []): string {
  return ['dpsload resume', quoteForShell(folder), ...switches].join(' ');
}
