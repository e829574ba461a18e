import { join } from 'node:path';
import { AtomicFile } from '../files/atomic-file.ts';
import { csvLine } from '../files/csv-line.ts';
import { csvRows } from '../files/csv-rows.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import type { FleetRules } from '../fleet/fleet-rules.ts';
import { RejectedLines, readRejections } from '../fleet/rejected-lines.ts';
import type { SessionRecord } from '../journal/journal-record.ts';

/** Line and reason of each row that a run left out of its fleet. The row's text may contain a misplaced key, and is not quoted. */
export const REJECTED_ROWS_FILE = 'rejected-rows.csv';

/** A surveyed fleet: what the journal records of it, and the lines that are left out; `null` = none. */
export type UsableFleet = SessionRecord['fleet'] & { readonly rejectedLines: RejectedLines | null };

/** Writes the rejected rows, if any, into the run's folder. Memory does not grow with their number. */
export async function writeRejectedRows(
  folder: string,
  fleet: FleetFile,
  rules: FleetRules,
  { rejectedLines, bytes }: Pick<UsableFleet, 'rejectedLines' | 'bytes'>,
): Promise<void> {
  if (rejectedLines === null) return;
  const file = new AtomicFile(join(folder, REJECTED_ROWS_FILE));
  try {
    await file.write(csvLine(['line', 'reason']));
    for await (const { line, reason } of readRejections(fleet, rules, rejectedLines, bytes)) {
      await file.write(csvLine([line, reason]));
    }
    await file.finish();
    await file.publish();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** @throws OperatorError `usage` when the file cannot be read */
export async function readRejectedLines(file: string): Promise<RejectedLines> {
  const lines = new RejectedLines();
  for await (const { line } of csvRows(file)) lines.add(Number(line));
  return lines;
}
