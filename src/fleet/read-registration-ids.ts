import { unguarded } from '../files/csv-line.ts';
import { readFileBytes } from '../files/read-file-bytes.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import { detectDelimiter } from './csv-delimiter.ts';
import { type CsvRecord, readCsvRecords } from './csv-record.ts';

/** A text in the column registration_id, legal or not. Rows without one name no device. */
export type ListedId = { readonly line: number; readonly text: string };

const ID_COLUMN = 'registration_id';

/**
 * Reads a list of registration IDs, such as failures.csv, chunk by chunk. Ignores its other columns.
 *
 * @param onBytes Receives the file's bytes in order.
 * @throws OperatorError when it cannot be read, is not CSV, or has no column registration_id.
 */
export async function* readRegistrationIds(
  file: string,
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<readonly ListedId[]> {
  let place: number | null = null;
  const delimiter = await detectDelimiter(file, (name) => name === ID_COLUMN);
  for await (const records of readCsvRecords(file, readFileBytes(file, null), delimiter, onBytes)) {
    const [header] = place === null ? records : [];
    if (header !== undefined) place = placeOfIds(file, header);
    if (place !== null) yield listedIds(header === undefined ? records : records.slice(1), place);
  }
  if (place === null) throw noList(file, null, 'is empty');
}

function placeOfIds(file: string, { line, fields }: CsvRecord): number {
  const place = fields.indexOf(ID_COLUMN);
  if (place >= 0) return place;
  throw noList(file, line, `no column ${ID_COLUMN}; the columns are ${fields.map(quoteValue).join(', ')}`);
}

function listedIds(records: readonly CsvRecord[], place: number): readonly ListedId[] {
  return records
    .map(({ line, fields }) => ({ line, text: unguarded(fields[place] ?? '') }))
    .filter(({ text }) => text !== '');
}

function noList(file: string, line: number | null, message: string): OperatorError {
  const remedy = `Write ${ID_COLUMN} above the IDs, as in a run's failures.csv`;
  return new OperatorError('usage', [problemIn(file, message, remedy, line)]);
}
