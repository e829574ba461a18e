import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJournal } from '../journal/journal-reader.ts';
import { SettlementFold } from '../journal/settlement-index.ts';
import { type RunBlocks, RunBlocksFold } from '../metrics/comparison/run-blocks.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import type { ComparedRun } from '../report/compare-runs.ts';
import { SUMMARY_SCHEMA_VERSION, type Summary } from '../report/summary.ts';
import { findRunFile } from '../run-folder/run-file.ts';
import { JOURNAL_FILE, resumeCommandLine } from '../run-folder/run-folder.ts';
import { readSummaryFile } from './result-files.ts';

/** Reads the summary of a finished run. @throws OperatorError `usage` without a summary of this version */
export function readFinishedSummary(folder: string): Summary {
  const summary = readSummaryFile(folder) as Partial<Summary> | null;
  if (summary?.schemaVersion === SUMMARY_SCHEMA_VERSION) return summary as Summary;
  if (!existsSync(folder))
    throw new OperatorError('usage', [problemIn(folder, 'does not exist', 'Name the folder of a run')]);
  const message = summary === null ? 'has no readable summary.json' : 'has a summary.json of another version';
  const remedy = `Once the run has ended, make it with dpsload report ${folder}; if the run was killed, finish it with ${resumeCommandLine(folder)}`;
  throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
}

/**
 * Reads a finished run from its summary.json, its run.json, and its journal where it has one: merged results have none.
 *
 * @throws OperatorError as `readFinishedSummary`, and `local` when the journal is damaged
 */
export async function readComparedRun(folder: string): Promise<ComparedRun> {
  const summary = readFinishedSummary(folder);
  const journal = join(folder, JOURNAL_FILE);
  return {
    folder,
    summary,
    machine: findRunFile(folder, 'machine')?.machine ?? null,
    blocks: existsSync(journal) ? await readBlocks(journal) : null,
  };
}

/** Reads the journal twice, since a later outcome of a registration replaces an earlier one. */
async function readBlocks(journal: string): Promise<RunBlocks> {
  const settlement = new SettlementFold();
  await readJournal(journal, (record, offset) => settlement.add(record, offset));
  const blocks = new RunBlocksFold();
  await readJournal(journal, (record, offset) => {
    if (record.kind === 'session') blocks.beginSession();
    if (record.kind !== 'outcome') return;
    blocks.add(record, settlement.index?.outcomeOffset(record.row, record.round) === offset);
  });
  return blocks.blocks();
}
