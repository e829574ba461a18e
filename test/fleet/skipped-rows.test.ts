import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine } from '../../src/files/csv-line.ts';
import { type Fingerprint, textFingerprint } from '../../src/fleet/fingerprint-table.ts';
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
    const survey = await surveyFleet(fleet, ANY, { onBadRow: 'skip' });
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
      [6, '3 fields instead of 2'],
      [9, 'duplicate of line 4 (IDs are not case-sensitive)'],
    ]);
  });

  it('still says which devices they are', async () => {
    const fleet = writeFleetFile(folder, 'registration_id,payload\ndev-1,\nbad id,\nDEV-2,\ndev-3,{\ndev-2,\n');
    const ids: string[] = [];
    for await (const id of readRejectedIds(fleet, await surveyFleet(fleet, ANY, { onBadRow: 'skip' }))) ids.push(id);
    expect(ids).toEqual(['bad id', 'dev-2', 'dev-3', 'dev-2']);
  });

  it('is one that needs no skipping when all are good', async () => {
    const fleet = writeFleetFile(folder, 'registration_id\na\nb\n');
    expect(await surveyFleet(fleet, ANY, { onBadRow: 'skip' })).toEqual(await surveyFleet(fleet, ANY));
  });

  it.each([
    ['no row is left', 'registration_id\na b\nc\nC\n', 'none of the 3 rows can be used'],
    ['the file is no CSV', 'registration_id\na\n"b\n', 'opens a quote that is never closed'],
    ['a column is missing', 'serial,site\na,1\n', 'registration_id'],
  ])('is refused when %s', async (_, text, message) => {
    const fleet = writeFleetFile(folder, text);
    expect((await operatorError(() => surveyFleet(fleet, ANY, { onBadRow: 'skip' }))).message).toContain(message);
  });

  it('never uses an ID that is there twice, and every other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(30), { minLength: 1, maxLength: 40 }), async (numbers) => {
        const ids = numbers.map((number, place) => `${place % 2 === 0 ? 'dev' : 'Dev'}-${number}`);
        const once = ids.filter((_, place) => numbers.filter((number) => number === numbers[place]).length === 1);
        const fleet = writeFleetFile(folder, `registration_id\n${ids.join('\n')}\n`);
        if (once.length === 0) {
          await expect(surveyFleet(fleet, ANY, { onBadRow: 'skip' })).rejects.toThrow('can be used');
          return;
        }
        const survey = await surveyFleet(fleet, ANY, { onBadRow: 'skip' });
        expect((await used(fleet, survey)).map(([, id]) => id)).toEqual(once);
        expect(survey.rows + survey.rejectedRows).toBe(ids.length);
      }),
      { numRuns: 40 },
    );
  });
});

const KEEP_FIRST = { exactDuplicates: 'keep-first' } as const;

describe('a fleet of which the first of exact copies is kept', () => {
  type Case = [what: string, rows: readonly string[], used: readonly string[], reasons: readonly [number, string][]];

  it.each<Case>([
    ['an exact copy', ['a,1', 'b,1', 'a,1'], ['a', 'b'], [[4, 'exact copy of line 2, which is kept']]],
    [
      'several copies',
      ['a,1', 'a,1', 'b,2', 'a,1'],
      ['a', 'b'],
      [
        [3, 'exact copy of line 2, which is kept'],
        [5, 'exact copy of line 2, which is kept'],
      ],
    ],
    ['a copy with other quotes', ['a,1', '"a","1"', 'b,'], ['a', 'b'], [[3, 'exact copy of line 2, which is kept']]],
    [
      'a twin that differs in a field',
      ['a,1', 'a,2', 'b,1'],
      ['b'],
      [
        [2, 'duplicate of line 3 (IDs are not case-sensitive)'],
        [3, 'duplicate of line 2 (IDs are not case-sensitive)'],
      ],
    ],
    [
      'a twin that differs in the spelling of its ID',
      ['a,1', 'A,1', 'b,1'],
      ['b'],
      [
        [2, 'duplicate of line 3 (IDs are not case-sensitive)'],
        [3, 'duplicate of line 2 (IDs are not case-sensitive)'],
      ],
    ],
    [
      'copies and a twin that differs',
      ['a,1', 'a,1', 'a,2', 'b,1'],
      ['b'],
      [
        [2, 'duplicate of line 3 (IDs are not case-sensitive)'],
        [3, 'duplicate of line 2 (IDs are not case-sensitive)'],
        [4, 'duplicate of line 2 (IDs are not case-sensitive)'],
      ],
    ],
    [
      'fields that join to the same text',
      ['a,"1,2"', 'b,1', 'c,"x"', 'c,"x "'],
      ['a', 'b'],
      [
        [4, 'duplicate of line 5 (IDs are not case-sensitive)'],
        [5, 'duplicate of line 4 (IDs are not case-sensitive)'],
      ],
    ],
  ])('handles %s', async (_, rows, ids, expected) => {
    const fleet = writeFleetFile(folder, `registration_id,site\n${rows.join('\n')}\n`);
    const survey = await surveyFleet(fleet, ANY, { onBadRow: 'skip', ...KEEP_FIRST });
    expect((await used(fleet, survey)).map(([, id]) => id)).toEqual(ids);
    expect(await reasons(fleet, survey)).toEqual(expected);
  });

  it('tells a value in Windows-1252 from the same value in UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from('registration_id,site\na,Z\u00fcrich\n'),
      Buffer.from('a,Z\u00fcrich\nb,\n', 'latin1'),
    ]);
    const fleet = writeFleetFile(folder, bytes);
    const survey = await surveyFleet(fleet, ANY, { onBadRow: 'skip', ...KEEP_FIRST });
    expect((await used(fleet, survey)).map(([, id]) => id)).toEqual(['b']);
  });

  it('is not stopped by copies alone, but by each twin that differs and by every other bad row', async () => {
    const copies = writeFleetFile(folder, 'registration_id,site\na,1\na,1\nb,\n');
    expect(await surveyFleet(copies, ANY, KEEP_FIRST)).toMatchObject({ rows: 2, rejectedRows: 1 });
    const mixed = writeFleetFile(folder, 'registration_id,site\na,1\na,1\nA,1\nb c,\n');
    const { problems } = await operatorError(() => surveyFleet(mixed, ANY, KEEP_FIRST));
    expect(problems.map(({ line, message }) => [line, message])).toEqual([
      [4, 'duplicate of line 2 (IDs are not case-sensitive)'],
      [5, expect.stringContaining('registration_id')],
      [null, '2 of 4 rows cannot be used'],
    ]);
  });

  it('agrees with a naive model, whatever the fingerprints', async () => {
    const row = fc.tuple(fc.constantFrom('a', 'A', 'b', 'c', 'd', 'e', 'x y'), fc.constantFrom('', '1', '1,', '"'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 16 }),
        fc.constantFrom(1, 3, 2 ** 32),
        async (rows, kinds) => {
          const fleet = writeFleetFile(
            folder,
            csvLine(['registration_id', 'site']) + rows.map((one) => csvLine(one)).join(''),
          );
          const coarse: Fingerprint = (text, into) => {
            textFingerprint(text, into);
            into[0] = (into[0] ?? 0) % kinds;
            into[1] = 0;
          };
          const expected = rows.flatMap(([id, site], place) => {
            const twins = rows.filter(([other]) => other.toLowerCase() === id.toLowerCase());
            const areCopies = twins.every(([other, value]) => other === id && value === site);
            return id !== 'x y' && areCopies && rows.indexOf(twins[0] ?? [id, site]) === place ? [id] : [];
          });
          const surveying = surveyFleet(fleet, ANY, { onBadRow: 'skip', ...KEEP_FIRST }, coarse);
          if (expected.length === 0) {
            await expect(surveying).rejects.toThrow('can be used');
            return;
          }
          const survey = await surveying;
          expect((await used(fleet, survey)).map(([, id]) => id)).toEqual(expected);
          expect(survey.rows + survey.rejectedRows).toBe(rows.length);
          const kept = (await reasons(fleet, survey)).filter(([, reason]) => reason.endsWith('which is kept'));
          for (const [line, reason] of kept) {
            const keptLine = Number(/line (\d+)/.exec(reason)?.[1]);
            expect(rows[line - 2]).toEqual(rows[keptLine - 2]);
          }
        },
      ),
      { numRuns: 150 },
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
