import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, OperatorError, type Problem, problemIn } from '../problem/operator-error.ts';
import { encodeJournalLine } from './journal-line.ts';
import type { JournalRecord } from './journal-record.ts';

/** Lines buffered before a write, in characters. 64 Ki = about 150 outcomes. */
const PENDING_CHARACTERS_MAX = 64 * 1024;

/** The part of an open file that the writer uses. */
export type AppendFile = Pick<FileHandle, 'appendFile' | 'datasync' | 'close'>;

/** Creates a new journal that only its owner can read. @throws OperatorError when the file exists or cannot be created */
export function createJournal(file: string): Promise<JournalWriter> {
  return openJournal(file, 'ax', () => syncFolder(dirname(file)));
}

/**
 * Opens a journal to append to it, and cuts off a torn last line.
 *
 * @param bytes length of the complete lines, from `readJournal`
 * @throws OperatorError
 */
export function reopenJournal(file: string, bytes: number): Promise<JournalWriter> {
  return openJournal(file, 'a', (handle) => handle.truncate(bytes));
}

async function openJournal(
  file: string,
  flags: 'ax' | 'a',
  prepare: (handle: FileHandle) => Promise<void>,
): Promise<JournalWriter> {
  try {
    const handle = await open(file, flags, 0o600);
    await prepare(handle).catch(async (error: unknown) => {
      await handle.close();
      throw error;
    });
    return new JournalWriter(file, handle);
  } catch (error) {
    const [message, remedy] =
      (error as NodeJS.ErrnoException).code === 'EEXIST'
        ? ['already exists; a journal is never overwritten', 'Choose another --out, or remove the folder']
        : [`cannot be opened (${messageOf(error)})`, 'Check that the folder exists and is writable'];
    throw new OperatorError('local', [problemIn(file, message, remedy)]);
  }
}

/**
 * Appends records, in order. The caller bounds the memory by what it appends between two flushes. After the first disk failure
 * every call fails with the same `OperatorError`: a failed sync may have dropped written data, so a retry could report lost data
 * as safe.
 */
export class JournalWriter {
  readonly #file: string;
  readonly #handle: AppendFile;
  #lines: string[] = [];
  #characters = 0;
  #syncedRecords = 0;
  #writtenRecords = 0;
  #last: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | null = null;
  #failure: OperatorError | null = null;

  constructor(file: string, handle: AppendFile) {
    this.#file = file;
    this.#handle = handle;
  }

  /** @throws OperatorError when an earlier write failed */
  append(record: JournalRecord): void {
    this.appendLine(encodeJournalLine(record));
  }

  /** @param text without its line feed @throws OperatorError when an earlier write failed */
  appendLine(text: string): void {
    if (this.#failure !== null) throw this.#failure;
    const line = `${text}\n`;
    this.#lines.push(line);
    this.#characters += line.length;
    // The next call reports a failure.
    if (this.#characters >= PENDING_CHARACTERS_MAX) this.flush().catch(() => {});
  }

  /** Resolves when the operating system has all appended records: they survive this process, but not a power cut. */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#write());
  }

  /** Resolves when all appended records are on disk. Calls made during a sync share the next one. */
  sync(): Promise<void> {
    this.#nextSync ??= this.#enqueue(async () => {
      this.#nextSync = null;
      await this.#write();
      await this.#handle.datasync();
      this.#syncedRecords = this.#writtenRecords;
    });
    return this.#nextSync;
  }

  /** Syncs, then closes the file even if the sync fails. */
  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      await this.#handle.close();
    }
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await work();
      } catch (error) {
        this.#failure = new OperatorError('local', [this.#writeProblem(error)]);
        throw this.#failure;
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }

  async #write(): Promise<void> {
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    this.#characters = 0;
    await this.#handle.appendFile(lines.join(''));
    this.#writtenRecords += lines.length;
  }

  #writeProblem(error: unknown): Problem {
    const message =
      `the journal cannot be written (${messageOf(error)}); the records synced so far (${this.#syncedRecords}) are safe, ` +
      'and nothing is sent without a synced grant';
    const remedy =
      'Free disk space or repair the disk, then run dpsload resume; dpsload report shows the results so far';
    return problemIn(this.#file, message, remedy);
  }
}

/** Makes the names of new files in `folder` survive a power cut. Windows cannot sync a folder. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
