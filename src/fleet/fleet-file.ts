import type { KnownColumn } from './known-columns.ts';

/** Known column → its name in the file, where that is another one. */
export type ColumnMap = Readonly<Partial<Record<KnownColumn, string>>>;

/** A fleet CSV and how it is written. */
export type FleetFile = {
  readonly file: string;
  readonly delimiter: string;
  /** `false`: one column, registration IDs, from the first line on. */
  readonly header: boolean;
  readonly columns: ColumnMap;
};
