import { join } from 'node:path';
import { z } from 'zod';
import type { EndedRow, Keys } from '../enroll/entry-outcome.ts';
import { ROW_STATES, type RowResult } from '../enroll/row-result.ts';
import { LineLog, recoverLines } from '../files/line-log.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/** A line of JSON for each row that ended, in the order in which they did; the last line of a row counts. */
export const ROW_JOURNAL_FILE = 'enroll-journal.ndjson';

/** Secret: the keys of these rows, until they are all in the file that a run takes. */
export const KEY_JOURNAL_FILE = 'keys.ndjson';

const RESULT = z.object({
  row: z.number(),
  id: z.string(),
  state: z.enum(ROW_STATES),
  etag: z.string().nullable(),
  differences: z.array(z.string()),
  failure: z
    .object({ status: z.number().nullable(), code: z.number().nullable(), message: z.string(), remedy: z.string() })
    .nullable(),
  isPassing: z.boolean(),
});

const KEYS = z.object({ row: z.number(), primaryKey: z.string(), secondaryKey: z.string() });

/** What earlier sessions and this one have found out. */
export class RowJournal {
  /** By row. */
  readonly results = new Map<number, RowResult>();
  readonly keys = new Map<number, Keys>();
  readonly #rows: LineLog;
  readonly #keys: LineLog | null;

  private constructor(rows: LineLog, keys: LineLog | null) {
    this.#rows = rows;
    this.#keys = keys;
  }

  /** Reads what is there, and continues it. @param holdsKeys whether rows come with keys @throws OperatorError */
  static async open(folder: string, holdsKeys: boolean): Promise<RowJournal> {
    const [rowFile, keyFile] = [join(folder, ROW_JOURNAL_FILE), join(folder, KEY_JOURNAL_FILE)];
    const results: RowResult[] = [];
    const keys: z.output<typeof KEYS>[] = [];
    await recoverLines(rowFile, (line) => results.push(parsed(rowFile, RESULT, line)));
    await recoverLines(keyFile, (line) => keys.push(parsed(keyFile, KEYS, line)));
    const journal = new RowJournal(await LineLog.open(rowFile), holdsKeys ? await LineLog.open(keyFile) : null);
    for (const { row, ...pair } of keys) journal.keys.set(row, pair);
    for (const result of results) journal.results.set(result.row, result);
    return journal;
  }

  /** Resolves when the rows are on disk; their keys are there first. */
  async record(ended: readonly EndedRow[]): Promise<void> {
    const withKeys = ended.flatMap(({ result, keys }) => (keys === null ? [] : [{ row: result.row, ...keys }]));
    await this.#keys?.append(withKeys.map((pair) => JSON.stringify(pair)));
    await this.#rows.append(ended.map(({ result }) => JSON.stringify(result)));
    for (const { result, keys } of ended) {
      this.results.set(result.row, result);
      if (keys !== null) this.keys.set(result.row, keys);
    }
  }

  /** Whether a resumed command has nothing to do for this row. */
  isDone(row: number): boolean {
    const result = this.results.get(row);
    return result !== undefined && !result.isPassing;
  }

  async close(): Promise<void> {
    await Promise.all([this.#rows.close(), this.#keys?.close()]);
  }
}

function parsed<Value>(file: string, schema: z.ZodType<Value>, line: string): Value {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    const remedy = 'Restore it from a copy, or start anew: rows that exist are left as they are';
    throw new OperatorError('local', [problemIn(file, 'is damaged', remedy)]);
  }
}
