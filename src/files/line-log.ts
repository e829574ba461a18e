import { createReadStream } from 'node:fs';
import { type FileHandle, open, truncate } from 'node:fs/promises';
import { messageOf, OperatorError, problemIn, unreadableFile } from '../problem/operator-error.ts';

const LINE_FEED = 0x0a;

/** Lines that are on disk as soon as an append resolves. Only their owner can read them. */
export class LineLog {
  readonly #file: string;
  readonly #handle: FileHandle;
  #last: Promise<void> = Promise.resolve();

  private constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
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
  append(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return this.#last;
    this.#last = this.#last.then(async () => {
      try {
        await this.#handle.appendFile(lines.map((line) => `${line}\n`).join(''));
        await this.#handle.datasync();
      } catch (error) {
        throw unwritable(this.#file, error);
      }
    });
    // The next append reports it, too.
    this.#last.catch(() => {});
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#handle.close();
  }
}

/**
 * Reads the complete lines of a log in order, and cuts off a torn last one; a missing file has no lines.
 *
 * @throws OperatorError when it cannot be read
 */
export async function recoverLines(file: string, onLine: (line: string) => void): Promise<void> {
  let rest = Buffer.alloc(0);
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      const buffer = Buffer.concat([rest, chunk]);
      let from = 0;
      for (let at = buffer.indexOf(LINE_FEED); at >= 0; at = buffer.indexOf(LINE_FEED, from)) {
        onLine(buffer.toString('utf8', from, at));
        from = at + 1;
      }
      bytes += from;
      rest = buffer.subarray(from);
    }
    if (rest.length > 0) await truncate(file, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadableFile(file, error);
  }
}

function unwritable(file: string, error: unknown): OperatorError {
  const message = `cannot be written (${messageOf(error)})`;
  return new OperatorError('local', [problemIn(file, message, 'Free disk space or repair the disk, then resume')]);
}
