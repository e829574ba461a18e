import Table from 'cli-table3';

const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'mid', 'left', 'right']
    .flatMap((place) => [place, `${place}-mid`, `${place}-left`, `${place}-right`])
    .map((place) => [place, '']),
);

/** Rows of cells in columns without lines, the first to the left. @param alignment of the other columns */
export function textTable(
  rows: readonly (readonly string[])[],
  alignment: 'left' | 'right' = 'right',
): readonly string[] {
  const columns = Math.max(...rows.map((cells) => cells.length));
  const table = new Table({
    chars: { ...NO_LINES, middle: '  ' },
    colAligns: Array.from({ length: columns }, (_, column) => (column === 0 ? 'left' : alignment)),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((cells) => [...cells]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
