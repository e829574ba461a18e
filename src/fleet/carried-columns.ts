import type { FleetFile } from './fleet-file.ts';
import { columnName, type FleetColumns } from './fleet-header.ts';
import type { KnownColumn } from './known-columns.ts';

/** The fields of a row without those of some columns, which a new file has at its end. */
export function carriedFields(
  columns: FleetColumns,
  fields: readonly string[],
  replaced: readonly KnownColumn[],
): readonly string[] {
  const dropped = replaced.map((column) => columns.placeOf.get(column));
  return fields.filter((_, place) => !dropped.includes(place));
}

/** The header of such a file. */
export function replacedHeader(
  fleet: FleetFile,
  columns: FleetColumns,
  replaced: readonly KnownColumn[],
): readonly string[] {
  const names: string[] = Array.from({ length: columns.width }, () => '');
  for (const { name, place } of columns.others) names[place] = name;
  for (const [column, place] of columns.placeOf) names[place] = columnName(fleet, column);
  return [...carriedFields(columns, names, replaced), ...replaced];
}
