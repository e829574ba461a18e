import { expect, it } from 'vitest';
import { homogeneityTest } from '../../src/allocation/chi-square.ts';
import { describeDrift } from '../../src/report/allocation-text.ts';

const HUBS = ['hub-a', 'hub-b'];

function drift(counts: readonly (readonly number[])[]): string | null {
  const samples = counts.map((period) => new Map(period.map((count, hub) => [HUBS[hub] ?? '', count])));
  return describeDrift({ bucketMs: 60_000, hubs: HUBS, counts, drift: homogeneityTest(samples) });
}

it.each<[string, (readonly number[])[], string | null]>([
  ['one period', [[50, 50]], null],
  [
    'constant shares',
    [
      [52, 48],
      [47, 53],
      [50, 50],
    ],
    'shares over time, 3 periods of 1 min 0 s: steady (chi-square 0.51 with 2 degrees of freedom, p = 0.7762)',
  ],
  [
    'an unlucky constant policy: one run of fifty',
    [
      [58, 42],
      [42, 58],
    ],
    'shares over time, 2 periods of 1 min 0 s: steady (chi-square 5.12 with 1 degree of freedom, p = 0.0237)',
  ],
  [
    'a few devices at the end',
    [
      [50, 50],
      [1, 0],
    ],
    'shares over time, 2 periods of 1 min 0 s: too few devices in some periods to compare',
  ],
  [
    'one group after the other',
    [
      [100, 0],
      [0, 100],
    ],
    'shares over time, 2 periods of 1 min 0 s: they differ by more than chance (chi-square 200.00 with 1 degree of freedom, ' +
      'p < 0.0001). That alone is no fault: it is so wherever the order of the fleet decides the hub, for example group by ' +
      'group. The verdict does not depend on it',
  ],
])('of %s', (_, counts, expected) => {
  expect(drift(counts)).toBe(expected);
});
