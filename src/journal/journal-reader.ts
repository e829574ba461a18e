import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { decodeJournalLine, JournalFormatError } from './journal-line.ts';
import type { JournalRecord, SessionRecord } from './journal-record.ts';

const READ_BYTES = 256 * 1024;

/** Longest line, in bytes. The service's largest message is 96 KB, so that no record comes near it. */
const JOURNAL_LINE_BYTES_MAX = 4 * 1024 * 1024;

const LINE_FEED = 0x0a;

export type JournalTail = {
  /** Whole lines. */
  readonly records: number;
  /** Their length: where the next record belongs. */
  readonly bytes: number;
  /** Something stands behind the last line feed: the writer was stopped within a line, which does not count. */
  readonly torn: boolean;
};

/**
 * Hands every record to `visit`, in order, with the offset of its line in bytes. Holds one line in memory. `visit` throws
 * a `JournalFormatError` for a record that contradicts those before it.
 *
 * A last line without its line feed is torn and left out. Every other line that is no record is an `OperatorError` with
 * file, line and byte offset: what stands behind it cannot be trusted, and leaving it out could hide a registration.
 */
export async function readJournal(
  file: string,
  visit: (record: JournalRecord, offset: number) => void,
): Promise<JournalTail> {
  let records = 0;
  const tail = await readLines(file, (line, offset) => {
    records += 1;
    withPlace(file, records, offset, () => {
      const record = decodeJournalLine(line);
      if (records === 1 && record.kind !== 'session') throw new JournalFormatError('is no session');
      visit(record, offset);
    });
  });
  return { records, ...tail };
}

/** The session that a journal begins with: reads no further. Throws as `readJournal` does. */
export async function readFirstSession(file: string): Promise<SessionRecord> {
  let head: Buffer = Buffer.alloc(0);
  for await (const chunk of openForReading(file)) {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(LINE_FEED);
    if (end !== -1) return withPlace(file, 1, 0, () => sessionIn(head.toString('utf8', 0, end)));
    if (head.length > JOURNAL_LINE_BYTES_MAX) break;
  }
  throw emptyJournal(file);
}

function sessionIn(line: string): SessionRecord {
  const record = decodeJournalLine(line);
  if (record.kind !== 'session') throw new JournalFormatError('is no session');
  return record;
}

/** Of a journal without one whole line. */
export function emptyJournal(file: string): OperatorError {
  const message = 'the journal is empty: the run ended before it began';
  return new OperatorError('local', [problemIn(file, message, null)]);
}

async function readLines(
  file: string,
  visit: (line: string, offset: number) => void,
): Promise<{ readonly bytes: number; readonly torn: boolean }> {
  let rest: Buffer = Buffer.alloc(0);
  let restOffset = 0;
  for await (const chunk of openForReading(file)) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      visit(bytes.toString('utf8', start, end), restOffset + start);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    restOffset += start;
    if (rest.length > JOURNAL_LINE_BYTES_MAX) {
      throw damaged(file, null, restOffset, new JournalFormatError('is longer than any record'));
    }
  }
  return { bytes: restOffset, torn: rest.length > 0 };
}

async function* openForReading(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: READ_BYTES });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const problem = code === 'ENOENT' ? 'there is no journal' : `the journal cannot be read (${message})`;
    const remedy = code === 'ENOENT' ? "Name the folder of a run, as dpsload run's last lines do" : null;
    throw new OperatorError('usage', [problemIn(file, problem, remedy)]);
  }
}

function withPlace<Value>(file: string, line: number, offset: number, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof JournalFormatError) throw damaged(file, line, offset, error);
    throw error;
  }
}

function damaged(file: string, line: number | null, offset: number, error: JournalFormatError): OperatorError {
  const message = `the line at byte ${offset} ${error.message}`;
  return new OperatorError('local', [{ file, line, column: null, message, remedy: error.remedy }]);
}

const PAGE_BYTES = 256 * 1024;

/** 8 MiB: outcomes arrive nearly in the order of the fleet, so that neighbours in the fleet stand on the same pages. */
export const PAGES_MAX = 32;

/** Reads single records of a journal by the offset of their line. Holds `pagesMax` pages, the last used, in memory. */
export class JournalRecordReader {
  readonly #handle: FileHandle;
  /** The last used page stands last. */
  readonly #pages = new Map<number, Buffer>();

  readonly #pagesMax: number;

  private constructor(handle: FileHandle, pagesMax: number) {
    this.#handle = handle;
    this.#pagesMax = pagesMax;
  }

  static async open(file: string, pagesMax = PAGES_MAX): Promise<JournalRecordReader> {
    return new JournalRecordReader(await open(file, 'r'), pagesMax);
  }

  /** @param offset as `readJournal` gave it */
  async recordAt(offset: number): Promise<JournalRecord> {
    return decodeJournalLine(await this.#lineAt(offset));
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
