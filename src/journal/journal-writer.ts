import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AppendFile, LineAppender } from '../files/line-appender.ts';
import { syncFolder } from '../files/sync-folder.ts';
import { messageOf, OperatorError, problemIn } from '../problem/operator-error.ts';
import { encodeJournalLine } from './journal-line.ts';
import type { JournalRecord } from './journal-record.ts';

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

/** Appends records, in order, as `LineAppender` does; its failure is an `OperatorError`. */
export class JournalWriter {
  readonly #lines: LineAppender;

  constructor(file: string, handle: AppendFile) {
    this.#lines = new LineAppender(handle, (error, syncedRecords) => notWritten(file, error, syncedRecords));
  }

  /** @throws OperatorError when an earlier write failed */
  append(record: JournalRecord): void {
    this.#lines.append(encodeJournalLine(record));
  }

  flush(): Promise<void> {
    return this.#lines.flush();
  }

  sync(): Promise<void> {
    return this.#lines.sync();
  }

  close(): Promise<void> {
    return this.#lines.close();
  }
}

function notWritten(file: string, error: unknown, syncedRecords: number): OperatorError {
  const message =
    `the journal cannot be written (${messageOf(error)}); the records synced so far (${syncedRecords}) are safe, ` +
    'and nothing is sent without a synced grant';
  const remedy = 'Free disk space or repair the disk, then run dpsload resume; dpsload report shows the results so far';
  return new OperatorError('local', [problemIn(file, message, remedy)]);
}
