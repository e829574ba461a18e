import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../files/atomic-file.ts';
import { type CsvCell, type CsvProgram, csvHeader, csvLine, fleetColumn } from '../files/csv-line.ts';
import { csvProgramOf, csvRecords, csvRows } from '../files/csv-rows.ts';
import type { FleetRules } from '../fleet/fleet-rules.ts';
import { RejectedLines, type Rejection, readRejections } from '../fleet/rejected-lines.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import type { Scenario } from '../scenario/scenario.ts';

/** Each row that a run left out of its fleet, with its line, the reason and its twin. Its keys and payload are not copied. */
export const REJECTED_ROWS_FILE = 'rejected-rows.csv';

const COLUMNS = ['line', 'registration_id', 'twin_line', 'kept_line', 'reason', 'group', 'expected_hub'] as const;

/** A surveyed fleet: what the journal records of it, and the lines that are left out; `null` = none. */
export type UsableFleet = SessionRecord['fleet'] & { readonly rejectedLines: RejectedLines | null };

/** Writes the rejected rows, if any, into the run's folder. Memory does not grow with their number. */
export async function writeRejectedRows(
  folder: string,
  { fleet, csvFor }: Pick<Scenario, 'fleet' | 'csvFor'>,
  rules: FleetRules,
  { rejectedLines, bytes, otherColumns }: Pick<UsableFleet, 'rejectedLines' | 'bytes' | 'otherColumns'>,
): Promise<void> {
  if (rejectedLines === null) return;
  await writeAtomically(join(folder, REJECTED_ROWS_FILE), async (file) => {
    const names = [...COLUMNS, ...otherColumns.map((name) => fleetColumn(name, COLUMNS))];
    await file.write(csvHeader(names, csvFor));
    for await (const row of readRejections(fleet, rules, rejectedLines, bytes)) {
      await file.write(csvLine(rejectedCells(row), csvFor));
    }
  });
}

function rejectedCells(row: Rejection): readonly CsvCell[] {
  const { line, registrationId, twinLine, keptLine, reason, group, expectedHub, otherValues } = row;
  return [line, registrationId, twinLine, keptLine, reason, group, expectedHub, ...otherValues];
}

/** The text of the list, byte for byte if it was written for this program. @throws OperatorError `usage` when it cannot be read */
export async function* rejectedRowsText(file: string, program: CsvProgram): AsyncGenerator<string> {
  if ((await csvProgramOf(file)) === program) {
    yield* createReadStream(file, 'utf8') as AsyncIterable<string>;
    return;
  }
  let isHeader = true;
  for await (const cells of csvRecords(file)) {
    yield isHeader ? csvHeader(cells, program) : csvLine(cells, program);
    isHeader = false;
  }
}

/** @throws OperatorError `usage` when the file cannot be read */
export async function readRejectedLines(file: string): Promise<RejectedLines> {
  const lines = new RejectedLines();
  for await (const { line } of csvRows(file)) lines.add(Number(line));
  return lines;
}

/** @returns `null` when the file is missing, cannot be read or does not list `count` lines */
export async function findRejectedLines(file: string, count: number): Promise<RejectedLines | null> {
  const lines = await readRejectedLines(file).catch(() => null);
  return lines?.count === count ? lines : null;
}

/**
 * Reads the rows that were left out; columns that an older file lacks are empty.
 *
 * @throws OperatorError `usage` when the file cannot be read
 */
export async function* readLeftOutRows(
  file: string,
  otherColumns: readonly string[],
): AsyncGenerator<
  Pick<Rejection, 'registrationId' | 'reason' | 'otherValues'> & {
    readonly isCopy: boolean;
    readonly group: string | null;
    readonly expectedHub: string | null;
  }
> {
  for await (const row of csvRows(file)) {
    yield {
      registrationId: row['registration_id'] ?? '',
      group: row['group'] || null,
      expectedHub: row['expected_hub'] || null,
      reason: row['reason'] ?? '',
      isCopy: (row['kept_line'] ?? '') !== '',
      otherValues: otherColumns.map((name) => row[fleetColumn(name, COLUMNS)] ?? ''),
    };
  }
}
