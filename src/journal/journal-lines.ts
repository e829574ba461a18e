import { type FileHandle, open } from 'node:fs/promises';
import { decodeRecord } from './journal-codec.ts';
import type { JournalRecord } from './journal-record.ts';

const PAGE_BYTES = 256 * 1024;

/** 8 MiB: outcomes arrive nearly in the order of the fleet, so that neighbours in the fleet stand on the same pages. */
export const PAGES_MAX = 32;

const LINE_FEED = 0x0a;

/** Reads single records of a journal by the offset of their line. Holds `pagesMax` pages, the last used, in memory. */
export class JournalLines {
  readonly #handle: FileHandle;
  /** The last used page stands last. */
  readonly #pages = new Map<number, Buffer>();

  readonly #pagesMax: number;

  private constructor(handle: FileHandle, pagesMax: number) {
    this.#handle = handle;
    this.#pagesMax = pagesMax;
  }

  static async open(file: string, pagesMax = PAGES_MAX): Promise<JournalLines> {
    return new JournalLines(await open(file, 'r'), pagesMax);
  }

  /** @param offset as `readJournal` gave it */
  async recordAt(offset: number): Promise<JournalRecord> {
    return decodeRecord(await this.#lineAt(offset));
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #lineAt(offset: number): Promise<string> {
    const parts: Buffer[] = [];
    let start = offset % PAGE_BYTES;
    for (let number = Math.floor(offset / PAGE_BYTES); ; number += 1) {
      const page = this.#cached(number) ?? (await this.#read(number));
      const end = page.indexOf(LINE_FEED, start);
      if (end !== -1 && parts.length === 0) return page.toString('utf8', start, end);
      parts.push(page.subarray(start, end === -1 ? page.length : end));
      if (end !== -1) return Buffer.concat(parts).toString('utf8');
      if (page.length < PAGE_BYTES) throw new Error(`the journal has no whole line at byte ${offset}`);
      start = 0;
    }
  }

  #cached(number: number): Buffer | null {
    const page = this.#pages.get(number);
    if (page === undefined) return null;
    this.#pages.delete(number);
    this.#pages.set(number, page);
    return page;
  }

  async #read(number: number): Promise<Buffer> {
    const page = Buffer.allocUnsafe(PAGE_BYTES);
    const { bytesRead } = await this.#handle.read(page, 0, PAGE_BYTES, number * PAGE_BYTES);
    const [oldest] = this.#pages.keys();
    if (oldest !== undefined && this.#pages.size >= this.#pagesMax) this.#pages.delete(oldest);
    this.#pages.set(number, page.subarray(0, bytesRead));
    return page.subarray(0, bytesRead);
  }
}
