import { open, truncate } from 'node:fs/promises';
import { messageOf, OperatorError, problemIn, unreadableFile } from '../problem/operator-error.ts';
import { type AppendFile, LineAppender } from './line-appender.ts';
import { fileChunks, readLines } from './read-lines.ts';

/** Longest line, in bytes: far more than an answer of the service that one may hold. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** Lines that are on disk as soon as an append resolves; appends at the same time share a sync. Only their owner can read them. */
export class LineLog {
  readonly #lines: LineAppender;

  private constructor(file: string, handle: AppendFile) {
    this.#lines = new LineAppender(handle, (error) => unwritable(file, error));
  }

  /** Opens the log to append to it, or creates it. @throws OperatorError `local` */
  static async open(file: string): Promise<LineLog> {
    try {
      return new LineLog(file, await open(file, 'a', 0o600));
    } catch (error) {
      throw unwritable(file, error);
    }
  }

  /** Texts without line feeds. After a failure, every further append fails: what was written after a gap would mislead. */
  async append(lines: readonly string[]): Promise<void> {
    for (const line of lines) this.#lines.append(line);
    if (!this.#lines.isSynced) await this.#lines.sync();
  }

  async close(): Promise<void> {
    try {
      await this.#lines.close();
    } catch (error) {
      // An append has reported its failure.
      if (!this.#lines.hasFailed) throw error;
    }
  }
}

/**
 * Reads the complete lines of a log in order, and cuts off a torn last one; a missing file has no lines.
 *
 * @throws OperatorError when it cannot be read
 */
export async function recoverLines(file: string, onLine: (line: string) => void): Promise<void> {
  const chunks = fileChunks(file, (error) => (error.code === 'ENOENT' ? null : unreadableFile(file, error)));
  const { bytes, torn } = await readLines(chunks, (line) => void onLine(line), {
    bytesMax: LINE_BYTES_MAX,
    tooLong: (offset) => tooLong(file, offset),
  });
  if (!torn) return;
  try {
    await truncate(file, bytes);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function tooLong(file: string, offset: number): OperatorError {
  const message = `the line at byte ${offset} is longer than any that dpsload writes`;
  return new OperatorError('local', [problemIn(file, message, 'Restore the file from a copy')]);
}

function unwritable(file: string, error: unknown): OperatorError {
  const message = `cannot be written (${messageOf(error)})`;
  return new OperatorError('local', [problemIn(file, message, 'Free disk space or repair the disk, then resume')]);
}
