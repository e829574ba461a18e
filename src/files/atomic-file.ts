import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';

/** Text buffered before a write, in characters. */
const PENDING_CHARACTERS_MAX = 256 * 1024;

export type FileDigest = {
  readonly name: string;
  /** Hexadecimal. */
  readonly sha256: string;
};

/** A file that appears under its name complete or not at all. Only its owner can read it. */
export class AtomicFile {
  readonly #file: string;
  readonly #digest = createHash('sha256');
  readonly #temporaryFile: string;
  #handle: FileHandle | null = null;
  #pending = '';

  constructor(file: string) {
    this.#file = file;
    this.#temporaryFile = `${file}.tmp`;
  }

  async write(text: string): Promise<void> {
    this.#pending += text;
    if (this.#pending.length >= PENDING_CHARACTERS_MAX) await this.#flush();
  }

  /** Syncs everything to disk, under a temporary name. */
  async finish(): Promise<FileDigest> {
    const handle = await this.#flush();
    await handle.datasync();
    await handle.close();
    return { name: basename(this.#file), sha256: this.#digest.digest('hex') };
  }

  /** Gives the finished file its name, replacing any existing file. */
  async publish(): Promise<void> {
    await rename(this.#temporaryFile, this.#file);
  }

  /** Removes any existing file of that name. */
  async withdraw(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  /** Removes a file that was not published. */
  async discard(): Promise<void> {
    if (this.#handle === null) return;
    await this.#handle.close();
    await rm(this.#temporaryFile, { force: true });
  }

  async #flush(): Promise<FileHandle> {
    this.#handle ??= await open(this.#temporaryFile, 'w', 0o600);
    const text = this.#pending;
    this.#pending = '';
    this.#digest.update(text);
    await this.#handle.appendFile(text);
    return this.#handle;
  }
}

/** Writes `file` by `fill`, then syncs and publishes it; when `fill` fails, nothing remains. */
export async function writeAtomically(file: string, fill: (file: AtomicFile) => Promise<void>): Promise<void> {
  const atomic = new AtomicFile(file);
  try {
    await fill(atomic);
    await atomic.finish();
    await atomic.publish();
  } catch (error) {
    await atomic.discard();
    throw error;
  }
}
