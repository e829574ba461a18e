import { type FileHandle, open } from 'node:fs/promises';
import { LINE_FEED } from './read-lines.ts';

const PAGE_BYTES = 256 * 1024;

/** 8 MiB. */
export const PAGES_MAX = 32;

/** Reads single lines of a file by their byte offset. Caches the `pagesMax` most recently used pages. */
export class LinesByOffset {
  readonly #handle: FileHandle;
  /** Most recently used last. */
  readonly #pages = new Map<number, Buffer>();
  readonly #pagesMax: number;

  private constructor(handle: FileHandle, pagesMax: number) {
    this.#handle = handle;
    this.#pagesMax = pagesMax;
  }

  static async open(file: string, pagesMax = PAGES_MAX): Promise<LinesByOffset> {
    return new LinesByOffset(await open(file, 'r'), pagesMax);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** @param offset of its first byte */
  async lineAt(offset: number): Promise<string> {
    const parts: Buffer[] = [];
    let start = offset % PAGE_BYTES;
    for (let number = Math.floor(offset / PAGE_BYTES); ; number += 1) {
      const page = this.#cached(number) ?? (await this.#read(number));
      const end = page.indexOf(LINE_FEED, start);
      if (end !== -1 && parts.length === 0) return page.toString('utf8', start, end);
      parts.push(page.subarray(start, end === -1 ? page.length : end));
      if (end !== -1) return Buffer.concat(parts).toString('utf8');
      if (page.length < PAGE_BYTES) throw new Error(`the file has no complete line at byte ${offset}`);
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
