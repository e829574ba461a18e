import { type AppendFile, LineAppender } from '../../files/line-appender.ts';
import { messageOf, OperatorError, problemIn } from '../../problem/operator-error.ts';
import type { StateKind, StateLine } from '../service/state-kind.ts';
import { type ReadState, STATE_VERSION, type StateHeader } from './read-state.ts';
import type { StateDisk } from './state-disk.ts';

/** The file is rewritten when it is this many times as long as what is there needs. */
const GROWTH_MAX = 4;

/** A shorter file is left alone, in characters. */
const REWRITTEN_CHARACTERS_MIN = 4 * 1024 * 1024;

/** Lines encoded between two writes: about 3 ms, in which nobody is served. */
const BATCH_LINES = 500;

export type StateSource = {
  /** For messages. */
  readonly file: string;
  readonly idScopes: readonly string[];
  readonly kinds: readonly StateKind[];
  /** What has changed and is not in the log yet. */
  readonly changes: StateLine[];
  readonly foreign: ReadState['foreign'];
  readonly log: (line: string) => void;
};

/** Keeps the state on disk: appends what changes, and now and then writes everything anew. */
export class StateLog {
  readonly #source: StateSource;
  readonly #disk: StateDisk;
  readonly #appender: LineAppender;
  /** In characters: what was there at the last rewriting, and what has been appended since. */
  #rewritten: number;
  #appended = 0;
  /** Lines that the new file still lacks; `null` = none is being written, or it takes the old one's place right now. */
  #since: string[] | null = null;
  /** `null` = none is under way. */
  #rewriting: Promise<void> | null = null;
  #isClosed = false;

  private constructor(source: StateSource, disk: StateDisk, { handle, characters }: WholeFile) {
    this.#source = source;
    this.#disk = disk;
    this.#rewritten = characters;
    this.#appender = new LineAppender(handle, (error) => {
      const failure = notKept(source.file, error);
      source.log(failure.message);
      return failure;
    });
  }

  /** Writes the state as it is, and goes on behind it. @throws OperatorError */
  static async open(source: StateSource, disk: StateDisk): Promise<StateLog> {
    // What has changed so far is told with all the rest.
    source.changes.length = 0;
    try {
      const whole = await writeWhole(source, disk);
      await disk.publish().catch(async (error: unknown) => {
        await whole.handle.close();
        throw error;
      });
      return new StateLog(source, disk, whole);
    } catch (error) {
      throw notRewritten(source.file, error, 'Free disk space or repair the disk, or start without --state');
    }
  }

  /** Takes the changes into the log; they are on disk with the next sync. */
  keep(): void {
    const lines = this.#source.changes.splice(0);
    if (this.#isClosed || this.#appender.hasFailed) return;
    for (const line of lines) {
      const text = JSON.stringify(line);
      this.#appender.append(text);
      this.#since?.push(text);
      this.#appended += text.length;
    }
    const isLong = this.#appended > Math.max(REWRITTEN_CHARACTERS_MIN, (GROWTH_MAX - 1) * this.#rewritten);
    if (isLong && this.#rewriting === null) void this.#rewriteOrReport();
  }

  /**
   * Calls `then` once everything that has changed so far is on disk: at once if it is. All who wait at the same time share a sync.
   * `false` = it is not, and nothing will be from now on.
   */
  readonly whenKept = (then: (isKept: boolean) => void): void => {
    this.keep();
    if (this.#isClosed || this.#appender.hasFailed) then(false);
    else if (this.#appender.isSynced) then(true);
    else
      this.#appender.sync().then(
        () => then(true),
        () => then(false),
      );
  };

  /** After the service has forgotten everything: writes what it still has. What it forgot does not come back after a restart. */
  async clear(): Promise<void> {
    this.#source.changes.length = 0;
    await this.#rewritingEnded();
    await this.#rewrite();
  }

  /** @throws OperatorError when something could not be kept */
  async close(): Promise<void> {
    this.keep();
    this.#isClosed = true;
    await this.#rewritingEnded();
    await this.#appender.close();
  }

  async #rewritingEnded(): Promise<void> {
    while (this.#rewriting !== null) await this.#rewriting.catch(() => {});
  }

  #rewrite(): Promise<void> {
    this.#rewriting = this.#writeAnew().finally(() => {
      this.#since = null;
      this.#rewriting = null;
    });
    return this.#rewriting;
  }

  async #rewriteOrReport(): Promise<void> {
    try {
      await this.#rewrite();
    } catch (error) {
      // A failure of the log itself has been reported.
      if (!this.#appender.hasFailed) this.#source.log(messageOf(error));
    }
  }

  /** The old file serves until the new one is complete. Only the last lines are written while nobody else can write. */
  async #writeAnew(): Promise<void> {
    this.#since = [];
    this.#appended = 0;
    const { handle, characters } = await writeWhole(this.#source, this.#disk).catch((error: unknown) => {
      throw notRewritten(this.#source.file, error, 'Free disk space; it is tried again later');
    });
    try {
      await this.#appender.moveTo(() => this.#takeTheOldOnesPlace(handle));
    } catch (error) {
      await handle.close();
      await this.#disk.discard();
      throw error;
    }
    this.#rewritten = characters;
  }

  async #takeTheOldOnesPlace(handle: AppendFile): Promise<AppendFile> {
    const lines = this.#since ?? [];
    this.#since = null;
    if (lines.length > 0) {
      await appendLines(handle, lines);
      await handle.datasync();
    }
    await this.#disk.publish();
    return handle;
  }
}

/** A new file with all lines, on disk. */
type WholeFile = { readonly handle: AppendFile; readonly characters: number };

async function writeWhole(source: StateSource, disk: StateDisk): Promise<WholeFile> {
  const handle = await disk.create();
  try {
    const characters = await appendLines(handle, linesOf(source));
    await handle.datasync();
    return { handle, characters };
  } catch (error) {
    await handle.close();
    await disk.discard();
    throw error;
  }
}

/** In batches. Returns how many characters they have. */
async function appendLines(handle: AppendFile, lines: Iterable<string>): Promise<number> {
  let characters = 0;
  let batch: string[] = [];
  const write = async (): Promise<void> => {
    const text = batch.join('');
    batch = [];
    characters += text.length;
    await handle.appendFile(text);
  };
  for (const line of lines) if (batch.push(`${line}\n`) === BATCH_LINES) await write();
  await write();
  return characters;
}

function* linesOf({ idScopes, kinds, foreign }: StateSource): Iterable<string> {
  const header: StateHeader = { kind: 'state', version: STATE_VERSION, idScopes: [...idScopes, ...foreign.keys()] };
  yield JSON.stringify(header);
  for (const lines of foreign.values()) yield* lines;
  for (const kind of kinds) for (const line of kind.lines()) yield JSON.stringify(line);
}

function notKept(file: string, error: unknown): OperatorError {
  const message = `the state cannot be written (${messageOf(error)}); what was answered so far is safe, and all else is answered with 500`;
  const remedy = 'Free disk space or repair the disk, then start the emulator again';
  return new OperatorError('local', [problemIn(file, message, remedy)]);
}

function notRewritten(file: string, error: unknown, remedy: string): OperatorError {
  const message = `the state cannot be written anew (${messageOf(error)}); the file stays as it is`;
  return new OperatorError('local', [problemIn(file, message, remedy)]);
}
