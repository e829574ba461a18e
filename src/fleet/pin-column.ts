import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { isSecretLike, quoteValue } from '../problem/quote-value.ts';
import type { FleetFile } from './fleet-file.ts';
import { columnName } from './fleet-header.ts';
import type { FleetRow } from './fleet-row.ts';

/** Sends each row to agents whose label has the row's value in a column. */
export type PinBy = { readonly label: string; readonly column: string };

/** The value of an agent's label; `null` = it has no such label, not even where an object has a property of that name. */
export function labelValue(labels: Readonly<Record<string, string>>, label: string): string | null {
  return Object.hasOwn(labels, label) ? (labels[label] ?? null) : null;
}

type PinnedRow = Pick<FleetRow, 'group' | 'expectedHub' | 'otherValues'>;

/**
 * The value of a row in the column that pins it; empty where the row has none.
 *
 * @throws OperatorError `usage` when the fleet has no such column
 */
export function pinValueOf(
  fleet: Pick<FleetFile, 'file' | 'columns'>,
  otherColumns: readonly string[],
  { column }: PinBy,
): (row: PinnedRow) => string {
  const place = otherColumns.indexOf(column);
  if (place >= 0) return ({ otherValues }) => otherValues[place] ?? '';
  if (column === 'group' || column === columnName(fleet, 'group')) return ({ group }) => group ?? '';
  if (column === 'expected_hub' || column === columnName(fleet, 'expected_hub')) {
    return ({ expectedHub }) => expectedHub ?? '';
  }
  const columns = ['group', ...otherColumns.filter((name) => !isSecretLike(name))].map(quoteValue);
  const remedy = `Name the column that says where a device is, as in --pin-by region=COLUMN: one of ${columns.join(', ')}`;
  throw new OperatorError('usage', [problemIn(fleet.file, `no column ${quoteValue(column)} to pin rows by`, remedy)]);
}
