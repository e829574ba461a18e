import { join } from 'node:path';
import { readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, SessionRecord } from '../journal/journal-record.ts';
import { SettlementFold } from '../journal/settlement-fold.ts';
import { SettlementIndex } from '../journal/settlement-index.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { holdsResults } from './result-files.ts';
import type { RunFile } from './run-file.ts';
import { JOURNAL_FILE } from './run-folder.ts';

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
  readonly index: SettlementIndex;
  /** Of the last session; `null` = it was killed. */
  readonly end: EndRecord | null;
  /** Whole lines of the journal: what stands behind them is cut off. */
  readonly journalBytes: number;
};

/** @throws OperatorError when there is no journal, or it is damaged, or was cut */
export async function readInterruptedRun(folder: string, runFile: RunFile, rounds: number): Promise<InterruptedRun> {
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
    index: fold.index ?? new SettlementIndex(fleet.rows, rounds),
    end: fold.end,
    journalBytes: bytes,
  };
}

/** What was made of the journal, or noted of it, tells of sessions that it must hold. */
function sessionsMin(folder: string, { sessions }: RunFile): number {
  return Math.max(sessions, holdsResults(folder) ? 1 : 0);
}

function cutJournal(folder: string): OperatorError {
  const message = 'the journal was cut or emptied: the run had sessions that are not in it';
  const remedy =
    'Restore it from a copy: without it, devices would be registered again unmarked. If there is none, begin a new run ' +
    'with --again, and with --only FILE.csv for those that registrations.csv, where there is one, does not have as assigned';
  return new OperatorError('local', [{ file: join(folder, JOURNAL_FILE), line: null, column: null, message, remedy }]);
}
