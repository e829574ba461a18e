import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { unreadableFile } from '../problem/operator-error.ts';
import { BYTE_ORDER_MARK, type CsvProgram, unguarded } from './csv-line.ts';
import { readFileBytes } from './read-file-bytes.ts';

/** Longer than the byte order mark and the first name in any file that dpsload writes. */
const HEAD_BYTES = 64;

/**
 * Finds for whom dpsload wrote a CSV file: the first name of its header contains no delimiter.
 *
 * @throws OperatorError `usage` when it cannot be read
 */
export async function csvProgramOf(file: string): Promise<CsvProgram> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of readFileBytes(file, HEAD_BYTES)) chunks.push(chunk);
  } catch (error) {
    throw unreadableFile(file, error);
  }
  const head = Buffer.concat(chunks).toString();
  if (!head.startsWith(BYTE_ORDER_MARK)) return 'plain';
  return /^.\w+;/.test(head) ? 'excel-semicolon' : 'excel';
}

/**
 * Reads the records of a CSV file that dpsload wrote, header included, as the texts that they had before they were written.
 *
 * @throws OperatorError `usage` when it cannot be read
 */
export async function* csvRecords(file: string): AsyncGenerator<readonly string[], undefined> {
  const program = await csvProgramOf(file);
  const source = createReadStream(file);
  const records = source.pipe(parse({ bom: true, delimiter: program === 'excel-semicolon' ? ';' : ',' }));
  source.once('error', (error) => records.destroy(error));
  try {
    for await (const fields of records as AsyncIterable<readonly string[]>) {
      yield program === 'plain' ? fields : fields.map(unguarded);
    }
  } catch (error) {
    throw unreadableFile(file, error);
  } finally {
    source.destroy();
  }
}

/** Reads a CSV file that dpsload wrote, row by row, as objects keyed by column name. @throws OperatorError as `csvRecords` */
export async function* csvRows(file: string): AsyncGenerator<Readonly<Record<string, string>>, undefined> {
  let names: readonly string[] | null = null;
  for await (const fields of csvRecords(file)) {
    if (names === null) names = fields;
    else yield Object.fromEntries(names.map((name, place) => [name, fields[place] ?? '']));
  }
}
