import type { ColumnMap } from '../fleet/fleet-file.ts';
import { KNOWN_COLUMNS, type KnownColumn } from '../fleet/known-column.ts';
import type { Notation, Reading } from './notation.ts';

/** As text: lines `known=name`. */
export const COLUMN_MAP: Notation<ColumnMap> = {
  placeholder: 'known=name',
  kind: 'map',
  remedy: `Write one of ${KNOWN_COLUMNS.join(', ')}, then = and the name in the file, for example registration_id=Serial`,
  read: readColumnMap,
  show: (map) =>
    Object.entries(map)
      .map(([known, name]) => `${known}=${name}`)
      .join('\n'),
};

function readColumnMap(text: string): Reading<ColumnMap> {
  const map = new Map<KnownColumn, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    const known = KNOWN_COLUMNS.find((column) => column === line.slice(0, equals));
    const name = line.slice(equals + 1);
    if (equals < 0 || known === undefined || name === '') return { problem: 'is not a known column with a name' };
    if (map.has(known)) return { problem: `names ${known} twice` };
    if ([...map.values()].includes(name)) return { problem: 'uses one column of the file twice' };
    map.set(known, name);
  }
  return { value: Object.fromEntries(map) };
}
