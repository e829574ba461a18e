import { CsvError, type Parser, parse } from 'csv-parse';
import { OperatorError, problemIn, unreadableFile } from '../problem/operator-error.ts';

/** One record of a CSV file. */
export type CsvRecord = {
  /** 1-based line on which it begins. */
  readonly line: number;
  readonly fields: readonly string[];
};

/**
 * Bytes of one record. A payload for the allocation webhook may have 96 KB, and quoting can double it; a quote that is
 * never closed must not draw the whole file into memory.
 */
export const RECORD_BYTES_MAX = 256 * 1024;

/**
 * Reads CSV (RFC 4180, UTF-8 with or without BOM, LF or CRLF) chunk by chunk, no faster than it is used. Blank lines are
 * skipped.
 *
 * @param file for messages.
 * @param onBytes gets the bytes in their order.
 * @returns the records of each chunk.
 * @throws OperatorError when the file cannot be read, or is no CSV; the records before that place are yielded first.
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
    // A file that changes from one to the other is read as its reader sees it.
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    max_record_size: RECORD_BYTES_MAX,
  });
  // Errors arrive at the callback of the write that met them; without a listener Node would end the process as well.
  parser.on('error', () => {});
  return parser;
}

/**
 * Takes records out of a parser and knows their lines: the parser's own count is off where a quoted field holds CRLF, and
 * asking it for the count of each record takes three times as long as parsing.
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

  /** Gives the parser something to do, and yields what comes of it; also when that ends with an error. */
  async *after(start: (done: (error?: Error | null) => void) => void): AsyncGenerator<readonly CsvRecord[]> {
    const settled = new Promise<Error | null>((resolve) => start((error) => resolve(error ?? null)));
    // The parser works at once, and says that it is done when its records are taken.
    yield this.#take();
    const error = await settled;
    if (error !== null) throw error;
  }

  #take(): readonly CsvRecord[] {
    const records: CsvRecord[] = [];
    for (let fields = this.#read(); fields !== null; fields = this.#read()) {
      const isBlank = fields.length === 1 && fields[0] === '';
      if (!isBlank) records.push({ line: this.#nextLine, fields });
      this.#nextLine += 1 + newlinesWithin(fields);
    }
    return records;
  }

  #read(): readonly string[] | null {
    return this.#parser.read();
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

/** Its byte order mark, in either order. */
function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

const CSV_MESSAGES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'the record that begins here opens a quote that is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'in the record that begins here something follows a closing quote',
  INVALID_OPENING_QUOTE: 'in the record that begins here a quote stands in the middle of a field',
  CSV_MAX_RECORD_SIZE: `the record that begins here has more than ${RECORD_BYTES_MAX} bytes; perhaps a quote is not closed`,
};

const QUOTE_REMEDY = 'Put a field that holds quotes, delimiters or line breaks in quotes, and double the quotes in it';

function readingError(file: string, line: number, error: unknown): unknown {
  // The parser's own text quotes the field, which may be a key.
  if (error instanceof CsvError) {
    return refusal(file, line, CSV_MESSAGES[error.code] ?? `is no CSV (${error.code})`, QUOTE_REMEDY);
  }
  return unreadableFile(file, error);
}
