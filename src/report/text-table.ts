import { stripVTControlCharacters } from 'node:util';

/** Rows of cells in columns without lines, the first column to the left. @param alignment of the other columns */
export function textTable(
  rows: readonly (readonly string[])[],
  alignment: 'left' | 'right' = 'right',
): readonly string[] {
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [column, cell] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  const pad = (cell: string, column: number): string => {
    const padding = ' '.repeat((widths[column] ?? 0) - widthOf(cell));
    return column === 0 || alignment === 'left' ? cell + padding : padding + cell;
  };
  return rows.map((cells) => cells.map(pad).join('  ').trimEnd());
}

/** Colors take no room. */
function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
