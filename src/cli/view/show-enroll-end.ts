import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type EnrollSummary,
  enrollSummaryJson,
  enrollSummaryText,
  GROUP_KEY_FILES,
  KEYED_FLEET_FILE,
  ROWS_FILE,
} from '../../enroll-folder/enroll-results.ts';
import { quoteForShell } from '../../files/quote-for-shell.ts';
import type { OperatorError } from '../../problem/operator-error.ts';
import { errorMessage } from './error-message.ts';
import { columnsOf, fitted, labelledPath } from './terminal-line.ts';

/** How a session of dpsload enroll ended. */
export type EnrollEnd = {
  readonly folder: string;
  readonly summary: EnrollSummary;
  readonly exitCode: number;
  /** Why it stopped midway; `null` = it did not, or by a signal. */
  readonly stoppedBy: OperatorError | null;
};

/** Prints the results on stdout, and on stderr where they are and what to do next. */
export function showEnrollEnd({ folder, summary, exitCode, stoppedBy }: EnrollEnd, isJson: boolean): void {
  const text = isJson ? enrollSummaryJson(summary) : fitted(enrollSummaryText(summary), process.stdout);
  process.stdout.write(text);
  if (stoppedBy !== null) process.stderr.write(fitted(errorMessage(stoppedBy), process.stderr));
  const columns = columnsOf(process.stderr);
  const places = [labelledPath('rows', join(folder, ROWS_FILE), columns)];
  const { primaryKey, secondaryKey } = GROUP_KEY_FILES;
  const secrets = { 'fleet with keys': KEYED_FLEET_FILE, 'group key': primaryKey, 'secondary group key': secondaryKey };
  for (const [name, file] of Object.entries(secrets)) {
    const path = join(folder, file);
    if (existsSync(path)) places.push(labelledPath(`${name}, secret`, path, columns));
  }
  process.stderr.write(`${places.join('\n')}\n`);
  if (summary.states['exists-different'] > 0 && !summary.updates)
    process.stderr.write('To overwrite enrollments that differ, add --update to the command.\n');
  const isLeft = summary.notDone > 0 || summary.states.failed > 0;
  if (isLeft) process.stderr.write(`resume: dpsload enroll --resume ${quoteForShell(folder)}\n`);
  if (exitCode !== 0) process.stderr.write(`exit code ${exitCode}\n`);
}
