import { join } from 'node:path';
import { fleetChange } from '../fleet/fleet-change.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import { readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, SessionRecord } from '../journal/journal-record.ts';
import { SettlementFold, SettlementIndex } from '../journal/settlement-index.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { formatCount, formatNoun } from '../report/format.ts';
import { holdsResults } from '../results/result-files.ts';
import { findRejectedLines, REJECTED_ROWS_FILE, type UsableFleet } from '../run-folder/rejected-rows.ts';
import type { ResumableRun } from '../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';

/** A run that can be resumed, as its journal records it. */
export type InterruptedRun = {
  readonly folder: string;
  readonly sessions: number;
  /** Wall clock at the start of the first session; `null` = it was killed before it wrote anything. */
  readonly startedAtEpochMs: number | null;
  readonly lastTarget: SessionRecord['target'] | null;
  /** The fleet of the last session. */
  readonly fleet: SessionRecord['fleet'];
  readonly selectionPins: ResumableRun['selectionPins'];
  readonly index: SettlementIndex;
  /** End of the last session; `null` = it was killed. */
  readonly end: EndRecord | null;
  /** Length of the journal's whole lines; anything after them is cut off. */
  readonly journalBytes: number;
};

/** @throws OperatorError when the journal is missing, damaged or truncated */
export async function readInterruptedRun(
  folder: string,
  runFile: ResumableRun,
  rounds: number,
): Promise<InterruptedRun> {
  const fold = new SettlementFold();
  const { bytes } = await readJournal(join(folder, JOURNAL_FILE), (record, offset) => fold.add(record, offset));
  if (fold.sessions.length < sessionsMin(folder, runFile)) throw cutJournal(folder);
  const last = fold.sessions.at(-1)?.session ?? null;
  const fleet = last?.fleet ?? runFile.fleet;
  return {
    folder,
    sessions: fold.sessions.length,
    startedAtEpochMs: fold.sessions[0]?.session.startedAtEpochMs ?? null,
    lastTarget: last?.target ?? null,
    fleet,
    selectionPins: runFile.selectionPins,
    index: fold.index ?? new SettlementIndex(fleet.rows, rounds),
    end: fold.end,
    journalBytes: bytes,
  };
}

/** How many sessions the journal must have: run.json counts those before the last, and results are made from at least one. */
function sessionsMin(folder: string, { sessions }: ResumableRun): number {
  return Math.max(sessions, holdsResults(folder) ? 1 : 0);
}

function cutJournal(folder: string): OperatorError {
  const message = 'the journal was truncated: sessions of the run are missing';
  const remedy =
    'Restore it from a copy: without it, devices would be registered again without a mark. If there is no copy, start a new run with ' +
    '--again, and with --only FILE.csv for the devices that registrations.csv, if it exists, does not list as assigned';
  return new OperatorError('local', [problemIn(join(folder, JOURNAL_FILE), message, remedy)]);
}

export const ADDED_ROWS = ['register', 'ignore'] as const;

/** What to do with rows that were appended to the fleet since; `null` = not chosen. */
export type AddedRows = (typeof ADDED_ROWS)[number] | null;

/**
 * The fleet of the next session: the one that the run had, or the one with the rows that were appended since.
 *
 * @param file the fleet file as it is now
 * @param survey surveys the whole file
 * @throws OperatorError `usage` when the rows of the run have changed, or nobody chose what to do with appended rows
 */
export async function resumedFleet(
  file: string,
  { folder, fleet }: Pick<InterruptedRun, 'folder' | 'fleet'>,
  addedRows: AddedRows,
  survey: () => Promise<FleetSurvey>,
): Promise<UsableFleet> {
  const change = await fleetChange(file, fleet);
  if (change === 'changed') {
    const remedy = 'Restore the original file, or start a new run with dpsload run';
    throw refusal(file, `is no longer the fleet that the run began with (SHA-256 ${fleet.digest})`, remedy);
  }
  if (change === 'rows-added' && addedRows === null) {
    const remedy = 'Choose what to do with them: --added-rows register, or --added-rows ignore';
    throw refusal(
      file,
      `has new rows after the ${formatCount(fleet.rows)} that the run began with; those are unchanged`,
      remedy,
    );
  }
  if (change === 'none' || addedRows === 'ignore') return { ...fleet, rejectedLines: await leftOut(folder, fleet) };
  if (fleet.rejectedRows > 0) {
    const remedy = `Register the new rows in a separate run: dpsload run ${file} --exclude ${folder}`;
    throw refusal(file, 'has new rows, which may repeat some of those that the run rejected', remedy);
  }
  return await survey();
}

async function leftOut(
  folder: string,
  { rejectedRows }: InterruptedRun['fleet'],
): Promise<UsableFleet['rejectedLines']> {
  if (rejectedRows === 0) return null;
  const file = join(folder, REJECTED_ROWS_FILE);
  const lines = await findRejectedLines(file, rejectedRows);
  if (lines !== null) return lines;
  throw refusal(
    file,
    `does not list the ${formatNoun(rejectedRows, 'row')} that the run left out`,
    'Restore the original file',
  );
}

function refusal(file: string, message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [problemIn(file, message, remedy)]);
}
