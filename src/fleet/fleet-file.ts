import type { KnownColumn } from './known-columns.ts';

/** Known column → its name in the file, if that is different. */
export type ColumnMap = Readonly<Partial<Record<KnownColumn, string>>>;

/** A fleet CSV and its format. */
export type FleetFile = {
  readonly file: string;
  /** `null` = detected from the first line. */
  readonly delimiter: string | null;
  /** `false`: a single column of registration IDs, from the first line on. */
  readonly header: boolean;
  readonly columns: ColumnMap;
};
