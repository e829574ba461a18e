import { quoteValue } from '../problem/quote-value.ts';
import type { CsvRecord } from './csv-record.ts';
import type { FleetColumns } from './fleet-header.ts';
import type { FleetRules } from './fleet-rules.ts';

/** What the operator should know about the usable rows of a fleet. */
export type RowCounts = {
  /** Rows with capital letters in an ID from which their key is derived. */
  readonly capitalIds: number;
  /** Values that were taken as Windows-1252; `null` = there are none. */
  readonly windows1252: Windows1252Values | null;
};

type Windows1252Values = {
  readonly rows: number;
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** The first of these values, and its line. */
  readonly line: number;
  readonly value: string;
};

export class RowCounter {
  readonly #rules: FleetRules;
  readonly #columns = new Set<string>();
  #capitalIds = 0;
  #rows1252 = 0;
  #first: Pick<Windows1252Values, 'line' | 'value'> | null = null;

  constructor(rules: FleetRules) {
    this.#rules = rules;
  }

  /** Counts one usable row. */
  add({ line, fields, windows1252 }: CsvRecord, columns: FleetColumns): void {
    if (isCapitalWithDerivedKey(fields, columns, this.#rules)) this.#capitalIds += 1;
    if (windows1252 === undefined) return;
    this.#rows1252 += 1;
    for (const { name, place } of columns.others) {
      const value = windows1252.get(place);
      if (value === undefined) continue;
      this.#columns.add(name);
      this.#first ??= { line, value };
    }
  }

  values(): RowCounts {
    const first = this.#first;
    const windows1252 = first === null ? null : { rows: this.#rows1252, columns: [...this.#columns], ...first };
    return { capitalIds: this.#capitalIds, windows1252 };
  }
}

/** The service treats IDs as case-insensitive, but a key is derived from their bytes: whether it folds the case first is unverified. */
function isCapitalWithDerivedKey(fields: readonly string[], { placeOf }: FleetColumns, { keys }: FleetRules): boolean {
  const isDerived = keys === 'for-every-row' || keys === 'of-these-groups';
  if (!isDerived || fields[placeOf.get('device_key') ?? -1]) return false;
  return /[A-Z]/.test(fields[placeOf.get('registration_id') ?? -1] ?? '');
}

/** Warns of `RowCounts.capitalIds`; `null` if there are none. */
export function capitalIdsWarning(count: number): string | null {
  if (count === 0) return null;
  const ids = count === 1 ? '1 registration ID has' : `${count.toLocaleString('en-US')} registration IDs have`;
  return `${ids} capital letters and a derived key: whether the service folds the case before it derives the key is unverified`;
}

export const CAPITAL_IDS_REMEDY = 'Use lower case, or try a few of these IDs first (--limit)';

/** Warns of `RowCounts.windows1252`; `null` if there are none. */
export function windows1252Warning({ windows1252 }: Pick<RowCounts, 'windows1252'>): string | null {
  if (windows1252 === null) return null;
  const { rows, columns, line, value } = windows1252;
  const count = rows === 1 ? '1 row has' : `${rows.toLocaleString('en-US')} rows have`;
  const where = `column${columns.length === 1 ? '' : 's'} ${columns.map(quoteValue).join(', ')}`;
  return (
    `${count} text in ${where} that is not UTF-8; it is read as Windows-1252 and written to the results as UTF-8 ` +
    `(line ${line}: ${quoteValue(value)})`
  );
}

export const WINDOWS_1252_REMEDY = 'Check that the text shown is right, or save the file as CSV in UTF-8';
