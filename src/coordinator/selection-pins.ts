import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { OperatorError } from '../problem/operator-error.ts';
import { RUN_FILE } from './run-file.ts';

/**
 * What `--only` and `--exclude` named when a run began, as run.json keeps it: a resumed run goes by the same. `null` = not given,
 * or begun by a dpsload that did not keep it.
 */
export type SelectionPins = {
  readonly only: OnlyPin | null;
  readonly exclude: ExcludePin | null;
};

/** SHA-256 of the file, hexadecimal. */
export type OnlyPin = { readonly digest: string };

/** The run, which may go on meanwhile: its journal only grows. */
export type ExcludePin = {
  /** Of its first session; `null` = there was none. */
  readonly startedAtEpochMs: number | null;
  /** Whole lines of its journal. */
  readonly journalBytes: number;
};

const NO_PINS: SelectionPins = { only: null, exclude: null };

/** The part of run.json that is read back. */
const PINNED_FACTS = z.object({
  selectionPins: z
    .object({
      only: z.object({ digest: z.string() }).nullable(),
      exclude: z.object({ startedAtEpochMs: z.number().nullable(), journalBytes: z.number() }).nullable(),
    })
    .default(NO_PINS),
});

/** Those of the run in `folder`, whose run.json is usable. */
export function selectionPinsOf(folder: string): SelectionPins {
  return PINNED_FACTS.parse(JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8'))).selectionPins;
}

/** @throws OperatorError `usage` when the file is another one than it was. */
export function refuseOtherList(file: string, now: OnlyPin, began: OnlyPin | null): void {
  if (began === null || now.digest === began.digest) return;
  const message = `is no longer the list that the run began with (SHA-256 ${began.digest})`;
  const remedy = 'Restore it as it was, or begin a new run with this list, and --exclude with the folder of this one';
  throw new OperatorError('usage', [{ file, line: null, column: null, message, remedy }]);
}

/**
 * What the other run has assigned since is left out as well: nothing is registered twice by that.
 *
 * @throws OperatorError `usage` when the folder holds another run than it did, or less of it.
 */
export function refuseOtherRun(file: string, now: ExcludePin, began: ExcludePin | null): void {
  if (began === null) return;
  const isSame = began.startedAtEpochMs === null || now.startedAtEpochMs === began.startedAtEpochMs;
  if (isSame && now.journalBytes >= began.journalBytes) return;
  const message = 'is no longer the run whose devices were left out when this one began';
  throw new OperatorError('usage', [{ file, line: null, column: null, message, remedy: 'Restore it as it was' }]);
}
