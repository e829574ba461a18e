import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  type BrokenDownRow,
  byColumn,
  type ColumnCounts,
  VALUES_COUNTED_MAX,
  VALUES_SHOWN_MAX,
} from '../../src/metrics/column-breakdown.ts';

const HUB = 'hub-a.azure-devices.net';

function row(line: string, changes: Partial<BrokenDownRow> = {}): BrokenDownRow {
  const usual = {
    group: null,
    expectedHub: null,
    otherValues: ['north', line],
    agentLabels: {},
    isNamed: true,
  } as const;
  return { ...usual, state: 'assigned', assignedHub: HUB, ...changes };
}

function countsBy(column: string, rows: Iterable<BrokenDownRow>): ColumnCounts {
  const breakdown = byColumn(column, ['Site', 'line']);
  for (const one of rows) breakdown.add(one);
  return breakdown.result();
}

const failed = { state: 'failed', assignedHub: null } as const;

/** Rows of all values together. */
function rowsOf({ values, others }: ColumnCounts): number {
  return values.reduce((sum, { rows }) => sum + rows, others?.rows ?? 0);
}

describe('rows by a column of the fleet', () => {
  it('are counted by state and hub for each value, those with failures first', () => {
    const { values, others } = countsBy('line', [
      ...[row('L1'), row('L1'), row('L1', { assignedHub: 'hub-b' })],
      ...[row('L2', failed), row('L2')],
      row('', { state: 'left-out', assignedHub: null }),
    ]);
    expect(values.map(({ value, rows, assigned, failed: lost, leftOut }) => [value, rows, assigned, lost, leftOut]))
      // Value, rows, assigned, failed, left out
      .toEqual([
        ['L2', 2, 1, 1, 0],
        ['L1', 3, 3, 0, 0],
        ['', 1, 0, 0, 1],
      ]);
    expect(values[1]?.hubs).toEqual([
      { hub: HUB, count: 2 },
      { hub: 'hub-b', count: 1 },
    ]);
    expect(others).toBeNull();
  });

  it('are in the order of their names where they have equally many failures and rows', () => {
    const { values } = countsBy('line', [row('line-10'), row('line-2'), row('line-1')]);
    expect(values.map(({ value }) => value)).toEqual(['line-1', 'line-2', 'line-10']);
  });

  it('are counted by group and by expected hub as well', () => {
    expect(countsBy('group', [row('L1', { group: 'line-a' }), row('L1')]).values.map(({ value }) => value)).toEqual([
      'line-a',
      '',
    ]);
    expect(countsBy('expected_hub', [row('L1', { expectedHub: HUB })]).values[0]?.value).toBe(HUB);
  });

  it('do not mistake a value that cannot be read for an empty one', () => {
    const { values } = countsBy('line', [row('', { isNamed: false, otherValues: [] }), row('')]);
    expect(values.map(({ value, rows }) => [value, rows])).toEqual([
      ['', 1],
      [null, 1],
    ]);
  });

  it('of values that are not shown are summed', () => {
    const rows = Array.from({ length: VALUES_SHOWN_MAX + 7 }, (_, index) => row(`L${index}`));
    const counts = countsBy('line', [...rows, row('L55', failed)]);
    expect(counts.values).toHaveLength(VALUES_SHOWN_MAX);
    expect(counts.values[0]?.value).toBe('L55');
    expect([counts.others?.values, counts.others?.rows, rowsOf(counts)]).toEqual([7, 7, VALUES_SHOWN_MAX + 8]);
  });

  it('of more values than can be counted are all in the sum, in bounded memory', { timeout: 60_000 }, () => {
    const rows = 100_000;
    const breakdown = byColumn('line', ['line']);
    const before = usedBytes();
    for (let index = 0; index < rows; index += 1) breakdown.add(row('', { otherValues: [`serial ${index}`] }));
    expect(usedBytes() - before).toBeLessThan(20_000_000);
    const counts = breakdown.result();
    expect([counts.others?.values, rowsOf(counts)]).toEqual([null, rows]);
    expect(counts.others?.assigned).toBe(rows - VALUES_SHOWN_MAX);
    expect(VALUES_COUNTED_MAX).toBeLessThan(rows);
  });
});

function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
