import { CsvError, type Parser, parse } from 'csv-parse';
import { OperatorError, problemIn, unreadableFile } from '../problem/operator-error.ts';

export type CsvRecord = {
  /** 1-based line on which the record begins. */
  readonly line: number;
  readonly fields: readonly string[];
};

/**
 * Largest record. A payload for the allocation webhook may have 96 KB, and quoting can double it; a quote that is never
 * closed must not pull the whole file into memory.
 */
export const RECORD_BYTES_MAX = 256 * 1024;

/**
 * Reads CSV (RFC 4180, UTF-8 with or without BOM, LF or CRLF) chunk by chunk, no faster than it is consumed. Skips blank
 * lines.
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
  const parser = openParser(delimiter);
  const taker = new RecordTaker(parser);
  try {
    let isFirst = true;
    for await (const bytes of chunks) {
      if (isFirst && isUtf16(bytes)) throw refusal(file, 1, 'is UTF-16', 'Save the file as CSV in UTF-8');
      isFirst = false;
      onBytes(bytes);
      yield* taker.after((done) => parser.write(bytes, done));
    }
    yield* taker.after((done) => parser.end(done));
  } catch (error) {
    throw readingError(file, taker.nextLine, error);
  } finally {
    parser.destroy();
  }
}

function openParser(delimiter: string): Parser {
  const parser = parse({
    delimiter,
    bom: true,
    // A file may mix the two.
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    max_record_size: RECORD_BYTES_MAX,
  });
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
  #nextLine = 1;

  constructor(parser: Parser) {
    this.#parser = parser;
  }

  /** 1-based line on which the next record begins. */
  get nextLine(): number {
    return this.#nextLine;
  }

  /** Starts work in the parser, and yields the records that result, even if it fails in the end. */
  async *after(start: (done: (error?: Error | null) => void) => void): AsyncGenerator<readonly CsvRecord[]> {
    const settled = new Promise<Error | null>((resolve) => start((error) => resolve(error ?? null)));
    // The parser works synchronously, and reports completion once its records are taken.
    yield this.#take();
    const error = await settled;
    if (error !== null) throw error;
  }

  #take(): readonly CsvRecord[] {
    const records: CsvRecord[] = [];
    const read = (): readonly string[] | null => this.#parser.read();
    for (let fields = read(); fields !== null; fields = read()) {
      const isBlank = fields.length === 1 && fields[0] === '';
      if (!isBlank) records.push({ line: this.#nextLine, fields });
      this.#nextLine += 1 + newlinesWithin(fields);
    }
    return records;
  }
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

/** Looks for the byte order mark, in either order. */
function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

const CSV_MESSAGES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'the record that begins here opens a quote that is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'in the record that begins here, text follows a closing quote',
  INVALID_OPENING_QUOTE: 'in the record that begins here, a quote appears in the middle of a field',
  CSV_MAX_RECORD_SIZE: `the record that begins here has more than ${RECORD_BYTES_MAX.toLocaleString('en-US')} bytes; a quote may not be closed`,
};

const QUOTE_REMEDY = 'Quote fields that contain quotes, delimiters or line breaks, and double the quotes inside them';

function readingError(file: string, line: number, error: unknown): unknown {
  // The parser's own text quotes the field, which may be a key.
  if (error instanceof CsvError) {
    return refusal(file, line, CSV_MESSAGES[error.code] ?? `is not valid CSV (${error.code})`, QUOTE_REMEDY);
  }
  return unreadableFile(file, error);
}
