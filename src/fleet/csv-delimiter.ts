import { readFileBytes } from '../files/read-file-bytes.ts';
import { utf8MarkLength } from './csv-encoding.ts';

/** Delimiters that are detected, the most usual first. */
const DELIMITERS = [',', ';', '\t', '|'] as const;

/** Bytes in which the header line must end to be looked at. */
const HEAD_BYTES = 64 * 1024;

/** First line of a file for Excel, which names the delimiter. */
const SEP_LINE = /^"?sep=([^"\r\n])"?\r?(?:\n|$)/i;

/** Longest `SEP_LINE`, with quotes and CRLF. */
const SEP_LINE_BYTES_MAX = 9;

/** The line `sep=;` at the beginning of `head`, after any byte order mark: its length in bytes, and the delimiter. */
export function sepLine(head: Uint8Array): { readonly bytes: number; readonly delimiter: string } | null {
  const start = utf8MarkLength(head);
  const text = Buffer.from(head.subarray(start, start + SEP_LINE_BYTES_MAX)).toString('latin1');
  const [line, delimiter] = SEP_LINE.exec(text) ?? [];
  return line === undefined || delimiter === undefined ? null : { bytes: line.length, delimiter };
}

/**
 * Finds the delimiter of a CSV file: the one that its `sep=` line names, otherwise the one that splits the first line into the most
 * expected names, otherwise into the most names. Looks at nothing else, so rows that are appended later change nothing.
 *
 * @param isExpected Returns whether a name is probably a column.
 */
export async function detectDelimiter(file: string, isExpected: (name: string) => boolean): Promise<string> {
  const head = await readHead(file);
  const named = sepLine(head);
  if (named !== null) return named.delimiter;
  const line = firstLine(head.subarray(utf8MarkLength(head)).toString('latin1'));
  const scores = DELIMITERS.map((delimiter) => {
    const names = splitOutsideQuotes(line, delimiter).map(unquoted);
    return { delimiter, expected: names.length > 1 ? names.filter(isExpected).length : 0, names: names.length };
  });
  const [best] = scores.sort((a, b) => b.expected - a.expected || b.names - a.names);
  return best?.delimiter ?? ',';
}

/** Empty when the file cannot be read: whoever reads the records says why. */
async function readHead(file: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of readFileBytes(file, HEAD_BYTES)) chunks.push(chunk);
  } catch {
    return Buffer.alloc(0);
  }
  return Buffer.concat(chunks);
}

/** The first line that is not blank; a line break within quotes does not end it. */
function firstLine(head: string): string {
  return /^[\r\n]*((?:"(?:[^"]|"")*"|[^"\r\n])*)/.exec(head)?.[1] ?? '';
}

function splitOutsideQuotes(line: string, delimiter: string): readonly string[] {
  const fields = [''];
  let isQuoted = false;
  for (const character of line) {
    if (character === '"') isQuoted = !isQuoted;
    if (character === delimiter && !isQuoted) fields.push('');
    else fields.push(`${fields.pop()}${character}`);
  }
  return fields;
}

function unquoted(field: string): string {
  return /^".*"$/s.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field;
}
