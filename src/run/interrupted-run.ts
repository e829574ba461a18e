import { join } from 'node:path';
import { fleetChange } from '../fleet/longer-fleet.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import { readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, SessionRecord } from '../journal/journal-record.ts';
import { SettlementFold, SettlementIndex } from '../journal/settlement-index.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { holdsResults } from '../results/result-files.ts';
import { REJECTED_ROWS_FILE, readRejectedLines, type UsableFleet } from '../run-folder/rejected-rows.ts';
import type { ResumableRun } from '../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';

/** A run that can go on, as its journal leaves it. */
export type InterruptedRun = {
  readonly folder: string;
  /** So far. */
  readonly sessions: number;
  /** Wall clock at the beginning of the first; `null` = it was killed before it wrote anything. */
  readonly startedAtEpochMs: number | null;
  readonly lastTarget: SessionRecord['target'] | null;
  /** As the last session knew it. */
  readonly fleet: SessionRecord['fleet'];
  readonly selectionPins: ResumableRun['selectionPins'];
  readonly index: SettlementIndex;
  /** Of the last session; `null` = it was killed. */
  readonly end: EndRecord | null;
  /** Whole lines of the journal: what stands behind them is cut off. */
  readonly journalBytes: number;
};

/** @throws OperatorError when there is no journal, or it is damaged, or was cut */
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

/** What was made of the journal, or noted of it, tells of sessions that it must hold. */
function sessionsMin(folder: string, { sessions }: ResumableRun): number {
  return Math.max(sessions, holdsResults(folder) ? 1 : 0);
}

function cutJournal(folder: string): OperatorError {
  const message = 'the journal was cut or emptied: the run had sessions that are not in it';
  const remedy =
    'Restore it from a copy: without it, devices would be registered again unmarked. If there is none, begin a new run ' +
    'with --again, and with --only FILE.csv for those that registrations.csv, where there is one, does not have as assigned';
  return new OperatorError('local', [problemIn(join(folder, JOURNAL_FILE), message, remedy)]);
}

export const ADDED_ROWS = ['register', 'ignore'] as const;

/** What becomes of rows that were added behind those of the run; `null` = nobody has said. */
export type AddedRows = (typeof ADDED_ROWS)[number] | null;

/**
 * The fleet that a resumed run goes on with: the one it had, or that with the rows that were added since.
 *
 * @param file of the fleet, as it is found now
 * @param survey looks at the whole file
 * @throws OperatorError `usage` when the rows of the run are not there as they were
 */
export async function resumedFleet(
  file: string,
  { folder, fleet }: Pick<InterruptedRun, 'folder' | 'fleet'>,
  addedRows: AddedRows,
  survey: () => Promise<FleetSurvey>,
): Promise<UsableFleet> {
  const change = await fleetChange(file, fleet);
  if (change === 'changed') {
    const remedy = 'Restore the file as it was, or begin a new run with dpsload run';
    throw refusal(file, `is no longer the fleet that the run began with (SHA-256 ${fleet.digest})`, remedy);
  }
  if (change === 'rows-added' && addedRows === null) {
    const remedy = 'Say what becomes of them: --added-rows register, or --added-rows ignore';
    throw refusal(file, `has rows behind the ${fleet.rows} that the run began with; those are unchanged`, remedy);
  }
  if (change === 'none' || addedRows === 'ignore') return { ...fleet, rejectedLines: await leftOut(folder, fleet) };
  if (fleet.rejectedRows > 0) {
    const remedy = `Register the added rows in a run of their own: dpsload run ${file} --exclude ${folder}`;
    throw refusal(file, 'has added rows, and rows of which the run left some out: one may repeat the other', remedy);
  }
  return await survey();
}

async function leftOut(
  folder: string,
  { rejectedRows }: InterruptedRun['fleet'],
): Promise<UsableFleet['rejectedLines']> {
  if (rejectedRows === 0) return null;
  const file = join(folder, REJECTED_ROWS_FILE);
  const lines = await readRejectedLines(file).catch(() => null);
  if (lines?.count === rejectedRows) return lines;
  throw refusal(file, `does not name the ${rejectedRows} rows that the run left out`, 'Restore the file as it was');
}

function refusal(file: string, message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [problemIn(file, message, remedy)]);
}
