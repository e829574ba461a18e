import { createHash } from 'node:crypto';
import { readFileBytes } from '../files/read-file-bytes.ts';
import { OperatorError, type Problem } from '../problem/operator-error.ts';
import { type CsvRecord, readCsvRecords } from './csv-record.ts';
import { type FleetColumns, HEADERLESS_COLUMNS, readFleetColumns } from './fleet-columns.ts';
import type { FleetFile } from './fleet-file.ts';
import type { FleetRow } from './fleet-row.ts';
import { parseFleetRow } from './parse-fleet-row.ts';
import type { FleetSurvey } from './survey-fleet.ts';

/**
 * The rows of a surveyed fleet that can be used, in their order, read no faster than they are used. What was added behind them since is left
 * alone.
 *
 * @throws OperatorError when the file is no longer the one that was surveyed: at the first row that is illegal now, else
 * after the last row.
 */
export async function* readFleet(
  fleet: FleetFile,
  survey: Pick<FleetSurvey, 'rows' | 'digest' | 'bytes' | 'rejectedLines'>,
): AsyncGenerator<FleetRow> {
  const digest = createHash('sha256');
  const onBytes = (bytes: Uint8Array): void => {
    digest.update(bytes);
  };
  let place = 0;
  for await (const { columns, records } of readFleetRecords(fleet, onBytes, survey.bytes)) {
    for (const { line, fields } of records) {
      if (survey.rejectedLines?.has(line)) continue;
      const parsed = parseFleetRow(fields, place, columns);
      if (!('row' in parsed) || place >= survey.rows) throw changed(fleet.file, line);
      yield parsed.row;
      place += 1;
    }
  }
  if (digest.digest('hex') !== survey.digest) throw changed(fleet.file, null);
}

function changed(file: string, line: number | null): OperatorError {
  const found: Problem = {
    file,
    line,
    column: null,
    message: 'was changed while the run was using it',
    remedy: 'Leave the file alone during a run, and check the results of this one',
  };
  return new OperatorError('usage', [found]);
}

/** Rows of a fleet file, not yet looked at, with the columns of all of them. */
export type FleetRecords = {
  readonly columns: FleetColumns;
  readonly records: readonly CsvRecord[];
};

/**
 * Reads a fleet file chunk by chunk, without its header.
 *
 * @param bytes how much of the file is the fleet; `null` = all of it.
 * @param onBytes gets the file's bytes in their order.
 * @throws OperatorError when the file cannot be read, is no CSV, is empty, or has columns that cannot be used.
 */
export async function* readFleetRecords(
  fleet: FleetFile,
  onBytes: (bytes: Uint8Array) => void,
  bytes: number | null = null,
): AsyncGenerator<FleetRecords> {
  let columns = fleet.header ? null : HEADERLESS_COLUMNS;
  let isEmpty = true;
  for await (const records of readCsvRecords(fleet.file, readFileBytes(fleet.file, bytes), fleet.delimiter, onBytes)) {
    const [first] = records;
    if (first === undefined) continue;
    isEmpty = false;
    if (columns === null) {
      columns = readFleetColumns(fleet, first);
      yield { columns, records: records.slice(1) };
    } else {
      yield { columns, records };
    }
  }
  if (isEmpty) throw emptyFile(fleet.file);
}

function emptyFile(file: string): OperatorError {
  const remedy = 'Write a header line with registration_id, and a line for each device';
  return new OperatorError('usage', [{ file, line: null, column: null, message: 'is empty', remedy }]);
}
