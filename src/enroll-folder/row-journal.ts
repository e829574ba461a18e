import { join } from 'node:path';
import { z } from 'zod';
import type { EndedRow, Keys, Row } from '../enroll/entry-outcome.ts';
import { ROW_STATES, type RowResult } from '../enroll/row-result.ts';
import { LineLog, recoverLines } from '../files/line-log.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/**
 * A line of JSON for rows that are about to be written at the service, and one for each row that ended, in the order in which they did; the
 * last line of a row counts.
 */
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
  /** By the clock of the service, in whole seconds, when it had answered; earlier versions did not write it. */
  serviceEpochMs: z.number().nullable().default(null),
});

/** From here on, these rows may be at the service. */
const BEGUN = z.object({
  begun: z.array(z.number()),
  /** By the clock of the service, which was at least as late. */
  serviceEpochMs: z.number(),
});

const KEYS = z.object({ row: z.number(), primaryKey: z.string(), secondaryKey: z.string() });

/** A row that has ended, and when the service had answered; `null` = the journal does not say. */
type JournaledRow = RowResult & { readonly serviceEpochMs: number | null };

/** What earlier sessions and this one have found out. */
export class RowJournal {
  /** By row. */
  readonly results = new Map<number, JournaledRow>();
  readonly keys = new Map<number, Keys>();
  /** When each row was first begun, by the clock of the service. */
  readonly #begunAt = new Map<number, number>();
  /** Rows that were begun before this session. */
  readonly #begunBefore: ReadonlySet<number>;
  readonly #rows: LineLog;
  readonly #keys: LineLog | null;

  private constructor(rows: LineLog, keys: LineLog | null, begun: readonly z.output<typeof BEGUN>[]) {
    for (const one of begun) this.#noteBegun(one);
    this.#begunBefore = new Set(this.#begunAt.keys());
    this.#rows = rows;
    this.#keys = keys;
  }

  /** Reads what is there, and continues it. @param holdsKeys whether rows come with keys @throws OperatorError */
  static async open(folder: string, holdsKeys: boolean): Promise<RowJournal> {
    const [rowFile, keyFile] = [join(folder, ROW_JOURNAL_FILE), join(folder, KEY_JOURNAL_FILE)];
    const results: JournaledRow[] = [];
    const begun: z.output<typeof BEGUN>[] = [];
    const keys: z.output<typeof KEYS>[] = [];
    await recoverLines(rowFile, (line) => {
      const record = parsed(rowFile, z.union([RESULT, BEGUN]), line);
      if ('begun' in record) begun.push(record);
      else results.push(record);
    });
    await recoverLines(keyFile, (line) => keys.push(parsed(keyFile, KEYS, line)));
    const keyLog = holdsKeys ? await LineLog.open(keyFile) : null;
    const journal = new RowJournal(await LineLog.open(rowFile), keyLog, begun);
    for (const { row, ...pair } of keys) journal.keys.set(row, pair);
    for (const result of results) journal.results.set(result.row, result);
    return journal;
  }

  /**
   * Resolves when it is on disk that these rows may be at the service from now on: only what was begun can have come from this command.
   *
   * @param serviceEpochMs what its clock showed last
   */
  async begin(rows: readonly Row[], serviceEpochMs: number): Promise<void> {
    const begun = { begun: rows.map(({ row }) => row), serviceEpochMs };
    await this.#rows.append([JSON.stringify(begun)]);
    this.#noteBegun(begun);
  }

  /** When the row was first begun, by the clock of the service; `null` = it was not, or the journal does not say. */
  begunAtEpochMs(row: number): number | null {
    return this.#begunAt.get(row) ?? null;
  }

  /** Whether an earlier session, which may have been killed, may have written it at the service. */
  wasBegunBefore(row: number): boolean {
    return this.#begunBefore.has(row);
  }

  #noteBegun({ begun, serviceEpochMs }: z.output<typeof BEGUN>): void {
    for (const row of begun) if (!this.#begunAt.has(row)) this.#begunAt.set(row, serviceEpochMs);
  }

  /**
   * Resolves when the rows are on disk; their keys are there first.
   *
   * @param serviceEpochMs what the clock of the service showed last
   */
  async record(ended: readonly EndedRow[], serviceEpochMs: number | null): Promise<void> {
    const withKeys = ended.flatMap(({ result, keys }) => (keys === null ? [] : [{ row: result.row, ...keys }]));
    await this.#keys?.append(withKeys.map((pair) => JSON.stringify(pair)));
    const rows = ended.map(({ result, keys }) => ({ result: { ...result, serviceEpochMs }, keys }));
    await this.#rows.append(rows.map(({ result }) => JSON.stringify(result)));
    for (const { result, keys } of rows) {
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
