import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import type { FleetRules } from '../../src/fleet/fleet-rules.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { RejectedLines, readRejectedIds, readRejections } from '../../src/fleet/rejected-lines.ts';
import { type FleetSurvey, surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { operatorError, writeFleetFile } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const ANY: FleetRules = { keys: 'for-every-row' };

async function used(fleet: FleetFile, survey: FleetSurvey): Promise<readonly [row: number, id: string][]> {
  const rows: [number, string][] = [];
  for await (const { row, registrationId } of readFleet(fleet, survey)) rows.push([row, registrationId]);
  return rows;
}

async function reasons(fleet: FleetFile, { rejectedLines, bytes }: FleetSurvey): Promise<readonly [number, string][]> {
  const found: [number, string][] = [];
  if (rejectedLines === null) return found;
  for await (const { line, reason } of readRejections(fleet, ANY, rejectedLines, bytes)) found.push([line, reason]);
  return found;
}

describe('a fleet whose bad rows are skipped', () => {
  it('has only the good ones, counted densely, and a reason for each of the others', async () => {
    const fleet = writeFleetFile(
      folder,
      'registration_id,payload\ndev-1,\nbad id,\nDEV-2,\ndev-3,{\ndev-4,1,2\n"dev-5","[1,\n2]"\ndev-2,\ndev-6,\n',
    );
    const survey = await surveyFleet(fleet, ANY, 'skip');
    expect([survey.rows, survey.rejectedRows]).toEqual([3, 5]);
    expect(await used(fleet, survey)).toEqual([
      [0, 'dev-1'],
      [1, 'dev-5'],
      [2, 'dev-6'],
    ]);
    expect(await reasons(fleet, survey)).toEqual([
      [3, expect.stringContaining('registration_id')],
      [4, 'duplicate of line 9 (IDs are not case-sensitive)'],
      [5, 'payload is not JSON'],
      [6, 'has 3 fields instead of 2'],
      [9, 'duplicate of line 4 (IDs are not case-sensitive)'],
    ]);
  });

  it('still says which devices they are', async () => {
    const fleet = writeFleetFile(folder, 'registration_id,payload\ndev-1,\nbad id,\nDEV-2,\ndev-3,{\ndev-2,\n');
    const ids: string[] = [];
    for await (const id of readRejectedIds(fleet, await surveyFleet(fleet, ANY, 'skip'))) ids.push(id);
    expect(ids).toEqual(['bad id', 'dev-2', 'dev-3', 'dev-2']);
  });

  it('is one that needs no skipping when all are good', async () => {
    const fleet = writeFleetFile(folder, 'registration_id\na\nb\n');
    expect(await surveyFleet(fleet, ANY, 'skip')).toEqual(await surveyFleet(fleet, ANY));
  });

  it.each([
    ['no row is left', 'registration_id\na b\nc\nC\n', 'none of the 3 rows can be used'],
    ['the file is no CSV', 'registration_id\na\n"b\n', 'opens a quote that is never closed'],
    ['a column is missing', 'serial,site\na,1\n', 'registration_id'],
  ])('is refused when %s', async (_, text, message) => {
    const fleet = writeFleetFile(folder, text);
    expect((await operatorError(() => surveyFleet(fleet, ANY, 'skip'))).message).toContain(message);
  });

  it('never uses an ID that is there twice, and every other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(30), { minLength: 1, maxLength: 40 }), async (numbers) => {
        const ids = numbers.map((number, place) => `${place % 2 === 0 ? 'dev' : 'Dev'}-${number}`);
        const once = ids.filter((_, place) => numbers.filter((number) => number === numbers[place]).length === 1);
        const fleet = writeFleetFile(folder, `registration_id\n${ids.join('\n')}\n`);
        if (once.length === 0) {
          await expect(surveyFleet(fleet, ANY, 'skip')).rejects.toThrow('can be used');
          return;
        }
        const survey = await surveyFleet(fleet, ANY, 'skip');
        expect((await used(fleet, survey)).map(([, id]) => id)).toEqual(once);
        expect(survey.rows + survey.rejectedRows).toBe(ids.length);
      }),
      { numRuns: 40 },
    );
  });
});

describe('rejected lines', () => {
  it('behave like a set of numbers, at one bit a line', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000)), (numbers) => {
        const lines = new RejectedLines();
        for (const number of numbers) lines.add(number);
        expect(lines.count).toBe(new Set(numbers).size);
        for (const number of numbers) expect([lines.has(number), lines.has(number + 100_001)]).toEqual([true, false]);
        expect(lines.bytes).toBeLessThanOrEqual(Math.max(128, 100_000 / 4));
      }),
    );
  });
});
