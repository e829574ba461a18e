import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { csvHeader, csvLine } from '../../src/files/csv-line.ts';
import type { RowState } from '../../src/metrics/fleet-account.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { leftOutCsvCells, notRegisteredCsvCells, notRegisteredCsvNames } from '../../src/report/not-registered-csv.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

function rowOf(state: RowState, changes: Partial<RegistrationOutcome>): Record<string, string> | null {
  const outcome = outcomeRecord(1, notAssigned({ group: 'line-a', otherValues: ['north', '"q",'], ...changes }));
  const line = notRegisteredCsvCells({ state, outcome });
  if (line === null) return null;
  const [row] = parse(csvHeader(notRegisteredCsvNames(['Site', 'state'])) + csvLine(line), { columns: true }) as Record<
    string,
    string
  >[];
  return row ?? null;
}

describe('a row of not-registered.csv', () => {
  it('names the device, what became of it, why, what to do and the columns of the fleet', () => {
    const refused = { result: 'refused', errorCode: '401000', errorMessage: 'Unauthorized' } as const;
    expect(rowOf('failed', refused)).toEqual({
      registration_id: 'dev-000001',
      state: 'failed',
      result: 'refused',
      group: 'line-a',
      error_code: '401000',
      error_message: 'Unauthorized',
      what_to_do: 'Check that the device key or group key belongs to the enrollment of this device',
      Site: 'north',
      fleet_state: '"q",',
    });
  });

  it.each<[RowState, RegExp]>([
    ['not-started', /^Resume the run$/],
    ['not-selected', /another run/],
    ['unknown', /^Resume the run: .*twice$/],
  ])('says what to do with a device that is %s', (state, whatToDo) => {
    expect(rowOf(state, { result: 'not-started' })).toMatchObject({
      state,
      what_to_do: expect.stringMatching(whatToDo),
    });
  });

  it('is not made for an assigned device', () => {
    expect(rowOf('assigned', {})).toBeNull();
  });

  it('of a row that was left out has the reason', () => {
    const row = { registrationId: 'no id', group: null, reason: 'why', otherValues: ['north', 'x'] };
    const line = leftOutCsvCells({ ...row, isCopy: false });
    // The row that was kept has the ID, and --only must not select it.
    expect(leftOutCsvCells({ ...row, isCopy: true })[0]).toBeNull();
    expect(parse(csvHeader(notRegisteredCsvNames(['Site', 'state'])) + csvLine(line), { columns: true })).toEqual([
      expect.objectContaining({ registration_id: 'no id', state: 'left-out', error_message: 'why', Site: 'north' }),
    ]);
  });
});
