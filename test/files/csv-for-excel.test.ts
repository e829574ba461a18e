import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CSV_PROGRAMS, type CsvProgram, csvHeader, csvLine } from '../../src/files/csv-line.ts';
import { csvProgramOf, csvRecords, csvRows } from '../../src/files/csv-rows.ts';
import { readRegistrationIds } from '../../src/fleet/read-registration-ids.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { writeFleetFile } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const file = join(folder, 'table.csv');

const FORMULA_STARTS = ['=', '+', '-', '@', '\t', '\r'];
const hostile = fc.string({ unit: fc.constantFrom(...FORMULA_STARTS, "'", '"', ',', ';', '\n', ' ', 'ü', '1', 'a') });
/** At least two fields: one that is empty would make a blank line. */
const records = fc.array(fc.tuple(hostile, hostile, hostile), { minLength: 1, maxLength: 5 });
const EXCEL = ['excel', 'excel-semicolon'] as const;
const DELIMITERS: Readonly<Record<CsvProgram, string>> = { plain: ',', excel: ',', 'excel-semicolon': ';' };

function write(rows: readonly (readonly string[])[], program: CsvProgram): void {
  writeFileSync(file, csvHeader(['line', 'b', '=c'], program) + rows.map((row) => csvLine(row, program)).join(''));
}

async function all<T>(source: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

describe('a CSV file', () => {
  it.each(CSV_PROGRAMS)('reads back, whatever its fields hold: %s', async (program) => {
    await fc.assert(
      fc.asyncProperty(records, async (rows) => {
        write(rows, program);
        expect(await csvProgramOf(file)).toBe(program);
        expect(await all(csvRecords(file))).toEqual([['line', 'b', '=c'], ...rows]);
        expect(await all(csvRows(file))).toEqual(rows.map(([line, b, c]) => ({ line, b, '=c': c })));
      }),
      { numRuns: 60 },
    );
  });
});

describe.each(EXCEL)('a CSV file for %s', (program) => {
  it('begins with a byte order mark, and ends each record with CRLF', () => {
    write([['1', 'a', 'b']], program);
    const text = readFileSync(file, 'utf8');
    expect(text).toBe(
      `\uFEFF${['line', 'b', "'=c"].join(DELIMITERS[program])}\r\n${['1', 'a', 'b'].join(DELIMITERS[program])}\r\n`,
    );
  });

  it('holds no field that begins like a formula', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(FORMULA_STARTS).not.toContain(csvLine([text, 'x'], program).replace(/^"/, '').charAt(0));
      }),
    );
  });

  it('leaves numbers as they are, but for the decimal mark', () => {
    const shown = program === 'excel' ? '-12.345' : '-12,345';
    expect(csvLine([-12.345, 7, null, true, '-x'], program)).toBe(
      [shown, '7', '', 'true', "'-x"].join(DELIMITERS[program]).concat('\r\n'),
    );
  });

  it('is taken as a fleet and as a list, with the IDs that it was written from', async () => {
    const ids = ['-dev', 'dev-1', '--', 'a:b'];
    const text =
      csvHeader(['registration_id', 'note'], program) + ids.map((id) => csvLine([id, '=1'], program)).join('');
    const fleet = writeFleetFile(folder, text, { delimiter: null });
    const survey = await surveyFleet(fleet, { keys: 'for-every-row' });
    expect([survey.rows, survey.delimiter]).toEqual([4, DELIMITERS[program]]);
    const listed = (await all(readRegistrationIds(fleet.file, () => {}))).flat();
    expect(listed.map(({ text: id }) => id)).toEqual(ids);
  });
});

it('an apostrophe that guards nothing stays a mistake in an ID', async () => {
  const fleet = writeFleetFile(folder, "registration_id\n'dev\nok\n");
  expect((await surveyFleet(fleet, { keys: 'for-every-row' }, { onBadRow: 'skip' })).rejectedRows).toBe(1);
});
