import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import type { ComparedRun } from '../report/compare-runs.ts';
import { SUMMARY_SCHEMA_VERSION, type Summary } from '../report/summary.ts';
import { findRunFile } from '../run-folder/run-file.ts';
import { resumeCommandLine } from '../run-folder/run-folder.ts';

/** Reads a finished run from its summary.json and run.json. @throws OperatorError `usage` without a summary of this version */
export function readComparedRun(folder: string): ComparedRun {
  const summary = readJson(join(folder, 'summary.json')) as Partial<Summary> | null;
  if (summary?.schemaVersion !== SUMMARY_SCHEMA_VERSION) {
    const message = summary === null ? 'has no readable summary.json' : 'has a summary.json of another version';
    const remedy = `Once the run has ended, make it with dpsload report ${folder}; if the run was killed, finish it with ${resumeCommandLine(folder)}`;
    throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
  }
  return { folder, summary: summary as Summary, machine: findRunFile(folder, 'machine')?.machine ?? null };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
