import type { StateDisk } from '../../src/emulator/state/state-disk.ts';
import type { AppendFile } from '../../src/files/line-appender.ts';

export type DiskStep = 'create' | 'write' | 'sync' | 'publish';

/** A disk that notes what it is asked to do, can fail and wait, and knows what a power cut would leave. */
export class MemoryDisk implements StateDisk {
  readonly steps: DiskStep[] = [];
  /** What is under the file's name and survives a power cut. */
  published: MemoryFile | null = null;
  /** In characters. */
  longestWrite = 0;
  /** Called before each step: throws to fail it, or waits. */
  before: (step: DiskStep) => unknown = () => {};
  #created: MemoryFile | null = null;

  async step(step: DiskStep): Promise<void> {
    await this.before(step);
    this.steps.push(step);
  }

  async create(): Promise<AppendFile> {
    await this.step('create');
    this.#created = new MemoryFile(this);
    return this.#created;
  }

  async publish(): Promise<void> {
    await this.step('publish');
    this.published = this.#created;
  }

  async discard(): Promise<void> {
    this.#created = null;
  }
}

class MemoryFile implements AppendFile {
  isOpen = true;
  synced = '';
  #written = '';
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  get syncedLines(): readonly string[] {
    return this.synced.split('\n').slice(0, -1);
  }

  async appendFile(data: string | Uint8Array): Promise<void> {
    const text = String(data);
    this.#disk.longestWrite = Math.max(this.#disk.longestWrite, text.length);
    await this.#disk.step('write');
    this.#written += text;
  }

  async datasync(): Promise<void> {
    const written = this.#written;
    await this.#disk.step('sync');
    this.synced = written;
  }

  async close(): Promise<void> {
    this.isOpen = false;
  }
}
