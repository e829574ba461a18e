import { OperatorError, problemIn } from '../problem/operator-error.ts';
import type { ComparedRun } from '../report/compare-runs.ts';
import { SUMMARY_SCHEMA_VERSION, type Summary } from '../report/summary.ts';
import { findRunFile } from '../run-folder/run-file.ts';
import { resumeCommandLine } from '../run-folder/run-folder.ts';
import { readSummaryFile } from './result-files.ts';

/** Reads a finished run from its summary.json and run.json. @throws OperatorError `usage` without a summary of this version */
export function readComparedRun(folder: string): ComparedRun {
  const summary = readSummaryFile(folder) as Partial<Summary> | null;
  if (summary?.schemaVersion !== SUMMARY_SCHEMA_VERSION) {
    const message = summary === null ? 'has no readable summary.json' : 'has a summary.json of another version';
    const remedy = `Once the run has ended, make it with dpsload report ${folder}; if the run was killed, finish it with ${resumeCommandLine(folder)}`;
    throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
  }
  return { folder, summary: summary as Summary, machine: findRunFile(folder, 'machine')?.machine ?? null };
}
