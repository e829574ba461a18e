/** For whom CSV files are written. */
export const CSV_PROGRAMS = ['plain', 'excel', 'excel-semicolon'] as const;

export type CsvProgram = (typeof CSV_PROGRAMS)[number];

export type CsvCell = string | number | boolean | null;

/** A text with one of these has quotes around it, by the delimiter of the file. */
const NEEDS_QUOTES = { ',': /[,"\r\n]/, ';': /[;"\r\n]/ } as const;

type CsvFormat = {
  /** What the file begins with. */
  readonly mark: string;
  readonly delimiter: keyof typeof NEEDS_QUOTES;
  readonly lineEnd: string;
  readonly decimalMark: string;
  /** Whether texts that a spreadsheet would take for a formula are marked. */
  readonly isGuarded: boolean;
};

/** Excel takes a file for UTF-8 only if it begins with this. */
export const BYTE_ORDER_MARK = '\uFEFF';

const EXCEL: CsvFormat = {
  mark: BYTE_ORDER_MARK,
  delimiter: ',',
  lineEnd: '\r\n',
  decimalMark: '.',
  isGuarded: true,
};

const FORMATS: Readonly<Record<CsvProgram, CsvFormat>> = {
  plain: { mark: '', delimiter: ',', lineEnd: '\n', decimalMark: '.', isGuarded: false },
  excel: EXCEL,
  // Where the decimal mark is a comma, Excel separates lists by semicolons, and reads 12.345 as 12345.
  'excel-semicolon': { ...EXCEL, delimiter: ';', decimalMark: ',' },
};

/**
 * Formats one record of a CSV file (RFC 4180). Quotes fields that contain a delimiter, a quote or a line end; writes `null` as
 * an empty field. For Excel, guards texts as OWASP advises: https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvLine(values: readonly CsvCell[], program: CsvProgram = 'plain'): string {
  const format = FORMATS[program];
  return values.map((value) => csvField(value, format)).join(format.delimiter) + format.lineEnd;
}

/** The first line of a CSV file, with what comes before it. */
export function csvHeader(names: readonly string[], program: CsvProgram = 'plain'): string {
  return FORMATS[program].mark + csvLine(names, program);
}

/** Only a text can need quotes: where the decimal mark is a comma, the delimiter is none. */
function csvField(value: CsvCell, { delimiter, decimalMark, isGuarded }: CsvFormat): string {
  if (value === null) return '';
  if (typeof value === 'number') return decimalMark === '.' ? String(value) : String(value).replace('.', decimalMark);
  if (typeof value === 'boolean') return String(value);
  const text = isGuarded ? guarded(value) : value;
  return NEEDS_QUOTES[delimiter].test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What a spreadsheet takes for a formula; with apostrophes before it, it looks like a guarded text. */
const FORMULA = /^'*[=+\-@\t\r]/;

/** An apostrophe in front makes it text. Every text that looks guarded gets one more, so that `unguarded` is exact. */
function guarded(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

export function unguarded(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}

/** The name of a fleet's column in a file that has columns of its own. */
export function fleetColumn(name: string, own: readonly string[]): string {
  return own.includes(name) ? `fleet_${name}` : name;
}
