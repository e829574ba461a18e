import { describe, expect, it } from 'vitest';
import { pinValueOf } from '../../src/fleet/pin-column.ts';
import { pinProblems } from '../../src/run/pin-rows.ts';
import { operatorError } from '../support/fleet-file.ts';

const FLEET = { file: 'fleet.csv', columns: { group: 'Line' } };
const ROW = { group: 'a', expectedHub: null, otherValues: ['x', 'europe'] };
const PIN = { label: 'region', column: 'site' };
const agents = (...regions: readonly string[]) =>
  regions.map((region) => ({ name: `agent-${region}`, labels: { region } }));

describe('the column that pins rows', () => {
  it('is one of the other columns, the group or the expected hub, by either name', () => {
    const value = (column: string) => pinValueOf(FLEET, ['floor', 'region'], { label: 'region', column })(ROW);
    expect(['region', 'floor', 'group', 'Line', 'expected_hub'].map(value)).toEqual(['europe', 'x', 'a', 'a', '']);
  });

  it('is refused with those that there are', async () => {
    const { message } = await operatorError(() => pinValueOf(FLEET, ['floor'], PIN));
    expect(message).toBe(
      'fleet.csv: no column "site" to pin rows by. Name the column that says where a device is, as in --pin-by region=COLUMN: one of "group", "floor".',
    );
  });
});

describe('rows that no agent can have', () => {
  it('are named by value, with their number', () => {
    const counts = new Map([
      ['europe', 5],
      ['asia', 1_200],
      ['', 3],
      ['africa', 1],
    ]);
    expect(pinProblems('fleet.csv', PIN, counts, agents('europe', 'america')).map(({ message }) => message)).toEqual([
      'no agent has the label region with these values of column "site": "asia" (1,200 rows), "africa" (1 row)',
      '3 rows with nothing in column "site", by which rows are pinned to agents',
    ]);
    expect(pinProblems('fleet.csv', PIN, new Map([['europe', 5]]), agents('europe'))).toEqual([]);
  });

  it('are not matched by a label of another name, or by a property of objects', () => {
    const counts = new Map([['europe', 1]]);
    const [, unlabelled] = pinProblems('f', PIN, counts, [{ name: 'a', labels: { zone: 'europe' } }]);
    expect(unlabelled?.message).toBe('no row can go to agents without the label region: a');
    expect(pinProblems('f', { label: 'constructor', column: 'site' }, counts, agents('europe'))).toHaveLength(2);
  });

  it('name a few values of many, and a column that cannot be meant', () => {
    const counts = (values: number) =>
      new Map(Array.from({ length: values }, (_, index) => [`site ${index}`, 1] as const));
    const [many] = pinProblems('f', PIN, counts(12), agents('europe'));
    expect(many?.message).toMatch(/"site 9" \(1 row\) and 2 more$/);
    const [wrong] = pinProblems('f', PIN, counts(1_001), agents('europe'));
    expect(wrong?.message).toBe('column "site" has more than 1,000 values, too many to pin rows by');
  });
});
