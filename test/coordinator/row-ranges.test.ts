import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rowRanges } from '../../src/coordinator/row-ranges.ts';

it.each([
  [[], []],
  [[5], [[5, 5]]],
  [[0, 1, 2], [[0, 2]]],
  [
    [0, 1, 4, 5, 9],
    [
      [0, 1],
      [4, 5],
      [9, 9],
    ],
  ],
])('%j as ranges is %j', (rows, expected) => {
  expect(rowRanges(rows)).toEqual(expected);
});

it('names exactly the rows, in their order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 200 })), (unsorted) => {
      const rows = [...unsorted].sort((a, b) => a - b);
      const named = rowRanges(rows).flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      );
      expect(named).toEqual(rows);
    }),
  );
});
