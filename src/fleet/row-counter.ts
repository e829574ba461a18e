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

  /**
   * Counts one usable row.
   *
   * @param foldedId Its registration ID, folded.
   */
  add({ line, fields, windows1252 }: CsvRecord, foldedId: string, columns: FleetColumns): void {
    const hasCapitals = fields[columns.places.registration_id] !== foldedId;
    if (hasCapitals && isKeyDerived(fields, columns, this.#rules)) this.#capitalIds += 1;
    if (windows1252 === undefined || windows1252.size === 0) return;
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
function isKeyDerived(fields: readonly string[], { places }: FleetColumns, { keys }: FleetRules): boolean {
  return (keys === 'for-every-row' || keys === 'of-these-groups') && !fields[places.device_key];
}
