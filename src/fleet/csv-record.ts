import { isAscii } from 'node:buffer';
import { CsvError, type Options, Parser } from 'csv-parse';
import { OperatorError, problemIn, unreadableFile } from '../problem/operator-error.ts';
import { sepLine } from './csv-delimiter.ts';
import { FieldDecoder, isUtf16, SAVE_AS_UTF8, utf8MarkLength } from './csv-encoding.ts';

export type CsvRecord = {
  /** 1-based line on which the record begins. */
  readonly line: number;
  /** Bytes that are not UTF-8 are U+FFFD. */
  readonly fields: readonly string[];
  /** Texts of the fields that are not UTF-8, as Windows-1252, by their places; absent = no field has U+FFFD. */
  readonly windows1252?: ReadonlyMap<number, string>;
};

/**
 * Largest record. A payload for the allocation webhook may have 96 KB, and quoting can double it; a quote that is never
 * closed must not pull the whole file into memory.
 */
export const RECORD_BYTES_MAX = 256 * 1024;

/** Bytes that are looked at before the first record is read: byte order mark, `sep=` line, signs of UTF-16. */
const HEAD_BYTES = 64;

/**
 * Reads CSV (RFC 4180, UTF-8 with or without BOM, LF or CRLF) chunk by chunk, no faster than it is consumed. Skips blank
 * lines, and a first line `sep=;`.
 *
 * @param file For messages.
 * @param onBytes Receives the bytes in order.
 * @returns The records of each chunk.
 * @throws OperatorError when the file cannot be read, or is not CSV; the records before that place are yielded first.
 */
export async function* readCsvRecords(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  delimiter: string,
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<readonly CsvRecord[]> {
  const taker = new RecordTaker(delimiter);
  try {
    let isFirst = true;
    for await (const bytes of withWholeHead(chunks)) {
      if (isFirst && isUtf16(bytes)) throw refusal(file, 1, 'is UTF-16', SAVE_AS_UTF8);
      onBytes(bytes);
      const preamble = isFirst ? preambleOf(bytes) : NO_PREAMBLE;
      isFirst = false;
      taker.skipLines(preamble.lines);
      yield* taker.write(bytes.subarray(preamble.bytes));
    }
    yield* taker.end();
  } catch (error) {
    throw readingError(file, taker.nextLine, error);
  } finally {
    taker.close();
  }
}

/** The same bytes, with at least `HEAD_BYTES` in the first chunk if there are as many. */
async function* withWholeHead(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | null = new Uint8Array();
  for await (const chunk of chunks) {
    if (head === null) {
      yield chunk;
      continue;
    }
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (head.length < HEAD_BYTES) continue;
    yield head;
    head = null;
  }
  if (head !== null && head.length > 0) yield head;
}

type Preamble = { readonly bytes: number; readonly lines: number };

const NO_PREAMBLE: Preamble = { bytes: 0, lines: 0 };

/** What comes before the first record. */
function preambleOf(head: Uint8Array): Preamble {
  const mark = utf8MarkLength(head);
  const sep = sepLine(head);
  return sep === null ? { bytes: mark, lines: 0 } : { bytes: mark + sep.bytes, lines: 1 };
}

/** Passes each record on at once: through the buffer of a stream, the survey of a fleet would take a twentieth longer. */
class RecordParser extends Parser {
  readonly #onFields: (fields: string[]) => void;

  constructor(options: Options, onFields: (fields: string[]) => void) {
    super(options);
    this.#onFields = onFields;
  }

  override push(fields: string[] | null): boolean {
    if (fields === null) return super.push(null);
    this.#onFields(fields);
    return true;
  }
}

function openParser(delimiter: string, onFields: (fields: string[]) => void): Parser {
  const options: Options = {
    delimiter,
    // One character for each byte: the encoding is decided field by field.
    encoding: 'latin1',
    // A file may mix the two.
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    max_record_size: RECORD_BYTES_MAX,
  };
  const parser = new RecordParser(options, onFields);
  // Errors arrive at the callback of the write that caused them; without a listener Node would also end the process.
  parser.on('error', () => {});
  return parser;
}

/**
 * Takes records out of a parser and counts their lines: the parser's own count is wrong when a quoted field contains CRLF,
 * and asking it for the count of each record takes three times as long as parsing.
 */
class RecordTaker {
  readonly #parser: Parser;
  readonly #decoder = new FieldDecoder();
  /** Of the bytes that the parser got last, and of those that the next record may have. */
  #lastTraits: ByteTraits = NO_TRAITS;
  #traits: ByteTraits = NO_TRAITS;
  #records: CsvRecord[] = [];
  #nextLine = 1;

  constructor(delimiter: string) {
    this.#parser = openParser(delimiter, (fields) => this.#take(fields));
  }

  /** 1-based line on which the next record begins. */
  get nextLine(): number {
    return this.#nextLine;
  }

  /** Counts lines that the parser does not get. */
  skipLines(count: number): void {
    this.#nextLine += count;
  }

  /** Yields the records that `bytes` complete, even if the parser fails in the end. */
  async *write(bytes: Uint8Array): AsyncGenerator<readonly CsvRecord[]> {
    const traits = traitsOf(bytes);
    this.#traits = eitherOf(this.#traits, traits);
    const settled = settlement((done) => this.#parser.write(bytes, done));
    // The parser works synchronously, except that it looks ahead and leaves the last few bytes for later.
    if (this.#records.length > 0) this.#traits = eitherOf(this.#lastTraits, traits);
    this.#lastTraits = traits;
    yield* this.#handOut(settled);
  }

  async *end(): AsyncGenerator<readonly CsvRecord[]> {
    yield* this.#handOut(settlement((done) => this.#parser.end(done)));
  }

  close(): void {
    this.#parser.destroy();
  }

  async *#handOut(settled: Promise<Error | null>): AsyncGenerator<readonly CsvRecord[]> {
    const records = this.#records;
    this.#records = [];
    yield records;
    const error = await settled;
    if (error !== null) throw error;
  }

  #take(fields: string[]): void {
    const windows1252 = this.#traits.isBeyondAscii ? this.#decoder.decode(fields) : null;
    const isBlank = fields.length === 1 && fields[0] === '';
    if (!isBlank) {
      const line = this.#nextLine;
      this.#records.push(windows1252 === null ? { line, fields } : { line, fields, windows1252 });
    }
    this.#nextLine += 1 + (this.#traits.hasQuotes ? newlinesWithin(fields) : 0);
  }
}

/** What the bytes contain that costs time with every record. */
type ByteTraits = {
  /** Only then is there anything to decode. */
  readonly isBeyondAscii: boolean;
  /** Only then can a field contain a line break. */
  readonly hasQuotes: boolean;
};

const NO_TRAITS: ByteTraits = { isBeyondAscii: false, hasQuotes: false };

function traitsOf(bytes: Uint8Array): ByteTraits {
  return { isBeyondAscii: !isAscii(bytes), hasQuotes: bytes.includes(0x22) };
}

function eitherOf(a: ByteTraits, b: ByteTraits): ByteTraits {
  return { isBeyondAscii: a.isBeyondAscii || b.isBeyondAscii, hasQuotes: a.hasQuotes || b.hasQuotes };
}

/** Starts work in the parser: the error with which it ends, or `null`. */
function settlement(start: (done: (error?: Error | null) => void) => void): Promise<Error | null> {
  return new Promise((resolve) => start((error) => resolve(error ?? null)));
}

function newlinesWithin(fields: readonly string[]): number {
  let count = 0;
  for (const field of fields) {
    for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) count += 1;
  }
  return count;
}

function refusal(file: string, line: number, message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [problemIn(file, message, remedy, line)]);
}

function csvMessage({ code }: CsvError): string {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'the record that begins here opens a quote that is never closed';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'in the record that begins here, text follows a closing quote';
    case 'INVALID_OPENING_QUOTE':
      return 'in the record that begins here, a quote appears in the middle of a field';
    case 'CSV_MAX_RECORD_SIZE':
      // Printed only here: the first number that a process prints for a locale takes 20 ms.
      return `the record that begins here has more than ${RECORD_BYTES_MAX.toLocaleString('en-US')} bytes; a quote may not be closed`;
    default:
      return `is not valid CSV (${code})`;
  }
}

const QUOTE_REMEDY = 'Quote fields that contain quotes, delimiters or line breaks, and double the quotes inside them';

function readingError(file: string, line: number, error: unknown): unknown {
  // The parser's own text quotes the field, which may be a key.
  if (error instanceof CsvError) return refusal(file, line, csvMessage(error), QUOTE_REMEDY);
  return unreadableFile(file, error);
}
