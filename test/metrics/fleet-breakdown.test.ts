import { describe, expect, it } from 'vitest';
import { COLUMN_VALUES_MAX, type FileRow, FleetBreakdown } from '../../src/metrics/fleet-breakdown.ts';

function breakdownOf(rows: readonly Partial<FileRow>[]): FleetBreakdown {
  const breakdown = new FleetBreakdown(['Site', 'Serial']);
  rows.forEach((row, index) => {
    breakdown.add({ group: null, otherValues: ['north', `s-${index}`], state: 'assigned', code: null, ...row });
  });
  return breakdown;
}

const times = (count: number, row: Partial<FileRow>): Partial<FileRow>[] => Array.from({ length: count }, () => row);
const refused = { state: 'failed', code: '401000' } as const;

describe('the groups of a fleet', () => {
  it('are counted by state, in the order of their names', () => {
    const groups = breakdownOf([
      ...times(2, { group: 'line-b' }),
      { group: 'line-a', ...refused },
      { group: 'line-b', state: 'not-selected' },
      { group: null, state: 'left-out' },
    ]).groups();
    expect(groups.map(({ group, assigned, failed, notSelected }) => [group, assigned, failed, notSelected])).toEqual([
      ['line-a', 0, 1, 0],
      ['line-b', 2, 0, 1],
      ['', 0, 0, 0],
    ]);
    expect(groups.at(-1)?.leftOut).toBe(1);
  });

  it('are none where no row has one', () => {
    expect(breakdownOf(times(3, {})).groups()).toEqual([]);
  });
});

describe('what failures share', () => {
  it('is the group whose key is wrong', () => {
    const rows = [...times(50, { group: 'line-a' }), ...times(50, { group: 'line-b', ...refused })];
    expect(breakdownOf(rows).sharedValues()).toEqual([
      { code: '401000', column: 'group', value: 'line-b', failed: 50, failedOfCode: 50, assigned: 0 },
    ]);
  });

  it.each<[string, readonly Partial<FileRow>[]]>([
    ['a column in which all rows are alike', times(50, { group: 'a', ...refused })],
    ['failures all over', ['a', 'b', 'a', 'b'].map((group) => ({ group, ...refused }))],
    [
      'a value with which most are assigned',
      [...times(50, { group: 'a' }), ...times(3, { group: 'a', ...refused }), { group: 'b' }],
    ],
    ['two failures', [...times(2, { group: 'a', ...refused }), { group: 'b' }]],
  ])('is not %s', (_, rows) => {
    expect(breakdownOf(rows).sharedValues()).toEqual([]);
  });

  it('leaves out a column with too many values', () => {
    const rows = Array.from({ length: COLUMN_VALUES_MAX + 1 }, (_, index) => ({ group: `g-${index}` }));
    expect(breakdownOf([...rows, ...times(9, { group: 'x', ...refused })]).sharedValues()).toEqual([]);
  });
});
