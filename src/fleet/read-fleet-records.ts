import { unguarded } from '../files/csv-line.ts';
import { readFileBytes } from '../files/read-file-bytes.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { detectDelimiter } from './csv-delimiter.ts';
import { type CsvRecord, readCsvRecords } from './csv-record.ts';
import type { FleetFile } from './fleet-file.ts';
import { columnName, type FleetColumns, HEADERLESS_COLUMNS, readFleetColumns } from './fleet-header.ts';
import { idNameRank, KNOWN_COLUMNS, resembledColumn } from './known-columns.ts';

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
  const delimiter = await fleetDelimiter(fleet);
  for await (const records of readCsvRecords(fleet.file, readFileBytes(fleet.file, bytes), delimiter, onBytes)) {
    const [first] = records;
    if (first === undefined) continue;
    isEmpty = false;
    const isHeader = columns === null;
    columns ??= readFleetColumns(fleet, first);
    yield { columns, records: readFields(isHeader ? records.slice(1) : records, columns) };
  }
  if (isEmpty) {
    const remedy = 'Write a header line with registration_id, and a line for each device';
    throw new OperatorError('usage', [problemIn(fleet.file, 'is empty', remedy)]);
  }
}

/** The delimiter that was given, otherwise the one that the first line has. */
export async function fleetDelimiter(fleet: FleetFile): Promise<string> {
  if (fleet.delimiter !== null) return fleet.delimiter;
  const names = new Set<string>(KNOWN_COLUMNS.map((column) => columnName(fleet, column)));
  const isName = (text: string) => names.has(text) || resembledColumn(text) !== null || idNameRank(text) !== null;
  return await detectDelimiter(fleet.file, isName);
}

/**
 * Takes Windows-1252 in columns that are only carried along; elsewhere, what is not UTF-8 stays U+FFFD. Removes the guard from IDs, which
 * cannot begin with an apostrophe; another value may have been meant as it is.
 */
function readFields(records: readonly CsvRecord[], { others, placeOf }: FleetColumns): readonly CsvRecord[] {
  const idPlace = placeOf.get('registration_id') ?? -1;
  return records.map((record) => {
    const { windows1252 } = record;
    const id = record.fields[idPlace] ?? '';
    if (windows1252 === undefined && !id.startsWith("'")) return record;
    const fields = [...record.fields];
    for (const { place } of others) fields[place] = windows1252?.get(place) ?? fields[place] ?? '';
    if (idPlace in fields) fields[idPlace] = unguarded(id);
    return { ...record, fields: fields.slice(0, record.fields.length) };
  });
}
