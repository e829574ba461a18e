import { readFileBytes } from '../files/read-file-bytes.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { type CsvRecord, readCsvRecords } from './csv-record.ts';
import type { FleetFile } from './fleet-file.ts';
import { type FleetColumns, HEADERLESS_COLUMNS, readFleetColumns } from './fleet-header.ts';

/** Unchecked rows of a fleet file, with their columns. */
export type FleetRecords = {
  readonly columns: FleetColumns;
  readonly records: readonly CsvRecord[];
};

/**
 * Reads a fleet file chunk by chunk, without its header.
 *
 * @param onBytes Receives the file's bytes in order.
 * @param bytes How many bytes of the file belong to the fleet; `null` = all of them.
 * @throws OperatorError when the file cannot be read, is not CSV, is empty, or has unusable columns.
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
    const isHeader = columns === null;
    columns ??= readFleetColumns(fleet, first);
    yield { columns, records: isHeader ? records.slice(1) : records };
  }
  if (isEmpty) {
    const remedy = 'Write a header line with registration_id, and a line for each device';
    throw new OperatorError('usage', [problemIn(fleet.file, 'is empty', remedy)]);
  }
}
