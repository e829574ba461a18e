import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { csvLine } from '../files/csv-line.ts';
import { LineLog, recoverLines } from '../files/line-log.ts';
import { FingerprintMap } from '../fleet/fingerprint-map.ts';
import { textFingerprint } from '../fleet/fingerprint-table.ts';

/** What was removed from the service, in the order in which it was: on disk as soon as it was done. The last line of an ID counts. */
export const CLEANUP_FILE = 'cleanup.csv';

/** Records read so far; as a temporary file, it is not one of those that SHA256SUMS vouches for. */
export const CLEANUP_RECORDS = 'cleanup-records.ndjson.tmp';

const COLUMNS = ['at', 'what', 'id', 'state', 'detail'] as const;

export const REMOVAL_STATES = [
  'deleted', // by this program
  'gone', // by somebody else, before
  'kept', // it was changed since, or is not what was made
  'failed',
] as const;

export type RemovalState = (typeof REMOVAL_STATES)[number];

export type Removed = {
  readonly what: 'registration' | 'enrollment' | 'enrollment-group';
  readonly id: string;
  readonly state: RemovalState;
  /** For people; `null` = nothing to say. */
  readonly detail: string | null;
};

/** Appends to cleanup.csv. */
export class CleanupFile {
  readonly #log: LineLog;

  private constructor(log: LineLog) {
    this.#log = log;
  }

  /** @throws OperatorError `local` */
  static async open(folder: string): Promise<CleanupFile> {
    const file = join(folder, CLEANUP_FILE);
    let lines = 0;
    await recoverLines(file, () => {
      lines += 1;
    });
    const log = await LineLog.open(file);
    if (lines === 0) await log.append([oneLine(COLUMNS)]);
    return new CleanupFile(log);
  }

  /** Resolves when it is on disk. */
  async add({ what, id, state, detail }: Removed, epochMs: number): Promise<void> {
    await this.#log.append([oneLine([new Date(epochMs).toISOString(), what, id, state, detail])]);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}

/** The service's messages may contain anything; a line of the log must not. */
function oneLine(cells: readonly (string | null)[]): string {
  return csvLine(cells.map((cell) => cell?.replace(/[\r\n]+/g, ' ') ?? null)).trimEnd();
}

/**
 * What an earlier clean-up removed, or found removed. What it found removed counts only if it also deleted something: one that found nothing
 * may have asked another instance. Memory holds a number for each.
 */
export class RemovedIds {
  readonly #times = new FingerprintMap(textFingerprint);
  #hasDeleted = false;

  /** `null` = the folder was never cleaned up. */
  static async read(folder: string): Promise<RemovedIds | null> {
    const file = join(folder, CLEANUP_FILE);
    if (!existsSync(file)) return null;
    const removed = new RemovedIds();
    await recoverLines(file, (line) => {
      // No field before the detail needs quotes.
      const [at = '', what = '', id = '', state = ''] = line.split(',', 4);
      const isRemoved = state === 'deleted' || state === 'gone';
      if (state === 'deleted') removed.#hasDeleted = true;
      if (what !== 'what') removed.#times.set(`${what} ${id}`, isRemoved ? Date.parse(at) : 0);
    });
    return removed;
  }

  /** Whether a clean-up deleted anything. */
  get hasDeleted(): boolean {
    return this.#hasDeleted;
  }

  /** @param sinceEpochMs by our clock: what was removed before has been made again */
  has({ what, id }: Pick<Removed, 'what' | 'id'>, sinceEpochMs: number): boolean {
    const atMs = this.#hasDeleted ? this.#times.get(`${what} ${id}`) : null;
    return atMs !== null && atMs > sinceEpochMs;
  }
}
