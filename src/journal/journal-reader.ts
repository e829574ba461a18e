import { createReadStream } from 'node:fs';
import { OperatorError } from '../problem/operator-error.ts';
import { decodeRecord, JournalFormatError } from './journal-codec.ts';
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
      const record = decodeRecord(line);
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
  const record = decodeRecord(line);
  if (record.kind !== 'session') throw new JournalFormatError('is no session');
  return record;
}

/** Of a journal without one whole line. */
export function emptyJournal(file: string): OperatorError {
  const message = 'the journal is empty: the run ended before it began';
  return new OperatorError('local', [{ file, line: null, column: null, message, remedy: null }]);
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
    throw new OperatorError('usage', [{ file, line: null, column: null, message: problem, remedy }]);
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
