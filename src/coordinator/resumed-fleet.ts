import { join } from 'node:path';
import { fleetChange } from '../fleet/longer-fleet.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import { OperatorError } from '../problem/operator-error.ts';
import type { InterruptedRun } from './interrupted-run.ts';
import { REJECTED_ROWS_FILE, readRejectedLines, type UsableFleet } from './rejected-rows.ts';

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
  return new OperatorError('usage', [{ file, line: null, column: null, message, remedy }]);
}
