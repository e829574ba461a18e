import { open } from 'node:fs/promises';
import { LinesByOffset, PAGES_MAX } from '../files/lines-by-offset.ts';
import { fileChunks, LINE_FEED, readLines } from '../files/read-lines.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { decodeJournalLine, JournalFormatError } from './journal-line.ts';
import type { EndRecord, JournalRecord, SessionRecord } from './journal-record.ts';

/** What to do when a folder has no run, an imperative without a full stop. */
export const NAME_A_RUN_FOLDER =
  'Name the folder of a run, as dpsload run prints it at the end (of a journey, its folder run)';

/** Longest line, in bytes. The service's largest message is 96 KB, so no record comes near this. */
const JOURNAL_LINE_BYTES_MAX = 4 * 1024 * 1024;

export type JournalTail = {
  /** Complete lines. */
  readonly records: number;
  /** Their length: where the next record belongs. */
  readonly bytes: number;
  /** The last line has no line feed, because the writer was stopped within it. It does not count. */
  readonly torn: boolean;
};

/**
 * Passes every record to `visit`, in order, with the byte offset of its line. Holds one line in memory. `visit` throws a
 * `JournalFormatError` for a record that contradicts those before it, and returns `'stop'` to read no further.
 *
 * A last line without a line feed is torn and ignored. Every other line that is not a record raises an `OperatorError` with file,
 * line and byte offset: nothing after it can be trusted, and skipping it could hide a registration.
 */
export async function readJournal(
  file: string,
  visit: (record: JournalRecord, offset: number) => unknown,
): Promise<JournalTail> {
  let isFirst = true;
  return await readJournalLines(file, (line, offset) => {
    const record = decodeJournalLine(line);
    if (isFirst && record.kind !== 'session') throw new JournalFormatError('is not a session');
    isFirst = false;
    return visit(record, offset);
  });
}

/** The same for a file of other records, whose lines `take` decodes. It throws a `JournalFormatError` for a line that is none of them. */
export async function readJournalLines(
  file: string,
  take: (line: string, offset: number) => unknown,
): Promise<JournalTail> {
  let records = 0;
  const tooLong = (offset: number): Error =>
    damaged(file, null, offset, new JournalFormatError('is longer than any record'));
  const passOn = (line: string, offset: number): unknown => {
    records += 1;
    try {
      return take(line, offset);
    } catch (error) {
      if (error instanceof JournalFormatError) throw damaged(file, records, offset, error);
      throw error;
    }
  };
  const chunks = fileChunks(file, (error) => unreadable(file, error));
  const tail = await readLines(chunks, passOn, { bytesMax: JOURNAL_LINE_BYTES_MAX, tooLong });
  return { records, ...tail };
}

/** Reads only the first record, which is a session. Throws as `readJournal` does. */
export async function readFirstSession(file: string): Promise<SessionRecord> {
  const found: JournalRecord[] = [];
  await readJournal(file, (record) => {
    found.push(record);
    return 'stop';
  });
  const [first] = found;
  if (first?.kind !== 'session') throw emptyJournal(file);
  return first;
}

/** How much of a journal's tail is read for its last record: an end is far shorter. */
const TAIL_BYTES = 64 * 1024;

/** The end with which the last session closed the journal, read from its tail; `null` = it has none. */
export async function readLastEnd(file: string): Promise<EndRecord | null> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(Math.min(size, TAIL_BYTES)),
      position: Math.max(0, size - TAIL_BYTES),
    });
    const tail = buffer.subarray(0, bytesRead);
    if (tail.at(-1) !== LINE_FEED) return null;
    const start = tail.lastIndexOf(LINE_FEED, tail.length - 2) + 1;
    const record =
      start === 0 && size > TAIL_BYTES ? null : decodeJournalLine(tail.toString('utf8', start, tail.length - 1));
    return record?.kind === 'end' ? record : null;
  } finally {
    await handle.close();
  }
}

/** The error for a journal without a single complete line. */
export function emptyJournal(file: string): OperatorError {
  return new OperatorError('local', [problemIn(file, 'the journal is empty: the run ended before it began', null)]);
}

function unreadable(file: string, { code, message }: NodeJS.ErrnoException): OperatorError {
  const [what, remedy] =
    code === 'ENOENT' ? ['no journal found', NAME_A_RUN_FOLDER] : [`the journal cannot be read (${message})`, null];
  return new OperatorError('usage', [problemIn(file, what, remedy)]);
}

function damaged(file: string, line: number | null, offset: number, error: JournalFormatError): OperatorError {
  return new OperatorError('local', [
    problemIn(file, `the line at byte ${offset} ${error.message}`, error.remedy, line),
  ]);
}

/** Reads single records of a journal by the byte offset of their line. Outcomes arrive nearly in fleet order: neighbours share pages. */
export class JournalRecordReader {
  readonly #lines: LinesByOffset;

  private constructor(lines: LinesByOffset) {
    this.#lines = lines;
  }

  static async open(file: string, pagesMax = PAGES_MAX): Promise<JournalRecordReader> {
    return new JournalRecordReader(await LinesByOffset.open(file, pagesMax));
  }

  /** @param offset from `readJournal` */
  async recordAt(offset: number): Promise<JournalRecord> {
    return decodeJournalLine(await this.#lines.lineAt(offset));
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }
}
