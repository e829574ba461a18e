import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { unreadableFile } from '../problem/operator-error.ts';

/**
 * Reads a CSV file that dpsload wrote, row by row, as objects keyed by column name.
 *
 * @throws OperatorError `usage` when it cannot be read
 */
export async function* csvRows(file: string): AsyncGenerator<Readonly<Record<string, string>>, undefined> {
  const source = createReadStream(file);
  const rows = source.pipe(parse({ columns: true }));
  source.once('error', (error) => rows.destroy(error));
  try {
    yield* rows as AsyncIterable<Readonly<Record<string, string>>>;
  } catch (error) {
    throw unreadableFile(file, error);
  } finally {
    source.destroy();
  }
}
