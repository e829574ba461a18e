import type { FileHandle } from 'node:fs/promises';

/** Lines buffered before a write, in characters. 64 Ki = about 150 outcomes of a run. */
const PENDING_CHARACTERS_MAX = 64 * 1024;

/** The part of an open file that the appender uses. */
export type AppendFile = Pick<FileHandle, 'appendFile' | 'datasync' | 'close'>;

/**
 * Appends lines to a file, in order. The caller bounds the memory by what it appends between two flushes. After the first disk
 * failure every call fails with the same error: a failed sync may have dropped written data, so a retry could report lost data as
 * safe.
 */
export class LineAppender {
  #handle: AppendFile;
  readonly #failureOf: (error: unknown, syncedLines: number) => Error;
  #lines: string[] = [];
  #characters = 0;
  #appendedLines = 0;
  #syncedLines = 0;
  #last: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | null = null;
  #failure: Error | null = null;

  /** @param failureOf makes the error of the file system the one with which every call fails; called once */
  constructor(handle: AppendFile, failureOf: (error: unknown, syncedLines: number) => Error) {
    this.#handle = handle;
    this.#failureOf = failureOf;
  }

  /** Whether all appended lines are on disk. */
  get isSynced(): boolean {
    return this.#syncedLines === this.#appendedLines;
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** @param text without its line feed. @throws the failure of an earlier write */
  append(text: string): void {
    if (this.#failure !== null) throw this.#failure;
    const line = `${text}\n`;
    this.#lines.push(line);
    this.#appendedLines += 1;
    this.#characters += line.length;
    // The next call reports a failure.
    if (this.#characters >= PENDING_CHARACTERS_MAX) this.flush().catch(() => {});
  }

  /** Resolves when the operating system has all appended lines: they survive this process, but not a power cut. */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#write());
  }

  /** Resolves when all appended lines are on disk. Calls made during a sync share the next one. */
  sync(): Promise<void> {
    this.#nextSync ??= this.#enqueue(async () => {
      this.#nextSync = null;
      const appendedLines = this.#appendedLines;
      await this.#write();
      await this.#handle.datasync();
      this.#syncedLines = appendedLines;
    });
    return this.#nextSync;
  }

  /**
   * Goes on in another file, which `open` makes between two writes, and closes the old one. It must hold what was appended until
   * `open` is called: what of that was not yet written goes nowhere else.
   */
  moveTo(open: () => Promise<AppendFile>): Promise<void> {
    return this.#enqueue(async () => {
      this.#takeLines();
      const appendedLines = this.#appendedLines;
      const old = this.#handle;
      this.#handle = await open();
      this.#syncedLines = appendedLines;
      await old.close();
    });
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
        this.#failure = this.#failureOf(error, this.#syncedLines);
        throw this.#failure;
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }

  async #write(): Promise<void> {
    const lines = this.#takeLines();
    if (lines.length > 0) await this.#handle.appendFile(lines.join(''));
  }

  #takeLines(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#characters = 0;
    return lines;
  }
}
