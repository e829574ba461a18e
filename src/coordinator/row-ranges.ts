/** Consecutive rows as ranges, first and last inclusive: the form in which a grant names them. */
export function rowRanges(rows: readonly number[]): readonly (readonly [first: number, last: number])[] {
  const ranges: [number, number][] = [];
  for (const row of rows) {
    const current = ranges.at(-1);
    if (current && current[1] + 1 === row) current[1] = row;
    else ranges.push([row, row]);
  }
  return ranges;
}
