import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError, type Problem } from '../problem/operator-error.ts';
import { encodeJournalLine } from './journal-line.ts';
import type { JournalRecord } from './journal-record.ts';

/** Lines that wait for a write, in characters: past this they are written at once. 64 Ki = about 150 outcomes. */
const PENDING_CHARACTERS_MAX = 64 * 1024;

/** What the writer needs of a file that is open for appending. */
export type AppendFile = Pick<FileHandle, 'appendFile' | 'datasync' | 'close'>;

/** Starts a journal. The file must not exist; it is readable by its owner alone. Throws an `OperatorError`. */
export function createJournal(file: string): Promise<JournalWriter> {
  return openJournal(file, 'ax', () => syncFolder(dirname(file)));
}

/**
 * Opens a journal to append to it, and cuts off what stands behind its last whole line.
 * @param bytes length of the whole lines, as `readJournal` tells it. Throws an `OperatorError`.
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
    throw new OperatorError('local', [openProblem(file, error)]);
  }
}

/**
 * Appends records, in order. What waits in memory is bounded by what the caller appends between two flushes. After the
 * first failure of the disk every call fails with the same `OperatorError`: a failed sync may have dropped what was
 * written, so that trying again could report as safe what is lost.
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

  /** Throws when an earlier write failed. */
  append(record: JournalRecord): void {
    if (this.#failure !== null) throw this.#failure;
    const line = `${encodeJournalLine(record)}\n`;
    this.#lines.push(line);
    this.#characters += line.length;
    // A failure shows at the next call.
    if (this.#characters >= PENDING_CHARACTERS_MAX) this.flush().catch(() => {});
  }

  /** Resolves when all that was appended is with the operating system: it survives this process, not a power cut. */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#write());
  }

  /** Resolves when all that was appended is on the disk. Calls that come while one is under way share the next. */
  sync(): Promise<void> {
    this.#nextSync ??= this.#enqueue(async () => {
      this.#nextSync = null;
      await this.#write();
      await this.#handle.datasync();
      this.#syncedRecords = this.#writtenRecords;
    });
    return this.#nextSync;
  }

  /** Syncs and closes; the file is closed also when that fails. */
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
    return {
      file: this.#file,
      line: null,
      column: null,
      message:
        `the journal cannot be written (${reason(error)}); the ${this.#syncedRecords} records synced before are safe, ` +
        'and nothing is sent whose grant is not among them',
      remedy:
        'Make room on the disk or put it right, then go on with dpsload resume; dpsload report shows what is known',
    };
  }
}

/** So that the name of what is new in it survives a power cut too. Windows cannot sync a folder. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function openProblem(file: string, error: unknown): Problem {
  const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
  return {
    file,
    line: null,
    column: null,
    message: exists ? 'is already there; a journal is never overwritten' : `cannot be opened (${reason(error)})`,
    remedy: exists ? 'Choose another --out, or remove the folder' : 'Check that the folder is there and writable',
  };
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
