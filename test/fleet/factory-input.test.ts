import { isUtf8 } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import type { FleetRules } from '../../src/fleet/fleet-rules.ts';
import { fleetWarnings } from '../../src/fleet/fleet-warnings.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { readRegistrationIds } from '../../src/fleet/read-registration-ids.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { operatorError, writeFleetFile } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const ANY: FleetRules = { keys: 'for-every-row' };
const DETECT: Partial<FleetFile> = { delimiter: null };
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Bytes of Windows-1252 that differ from ISO 8859-1, and some of the rest. */
const WINDOWS_1252: Readonly<Record<string, number>> = {
  '€': 0x80,
  '‚': 0x82,
  '„': 0x84,
  Š: 0x8a,
  Ž: 0x8e,
  '’': 0x92,
  '–': 0x96,
  '™': 0x99,
  ž: 0x9e,
  Ÿ: 0x9f,
  ü: 0xfc,
  ß: 0xdf,
  é: 0xe9,
  Ø: 0xd8,
};

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function inWindows1252(text: string): Buffer {
  return Buffer.from([...text].map((character) => WINDOWS_1252[character] ?? character.charCodeAt(0)));
}

async function rowsOf(fleet: FleetFile): Promise<readonly FleetRow[]> {
  const rows: FleetRow[] = [];
  for await (const row of readFleet(fleet, await surveyFleet(fleet, ANY))) rows.push(row);
  return rows;
}

describe('the delimiter of a fleet', () => {
  it.each<[string, string | Buffer, Partial<FleetFile>, string]>([
    ['a comma', 'registration_id,site\na,x\n', {}, ','],
    ['a semicolon', 'registration_id;site\na;x\n', {}, ';'],
    ['a tab', 'registration_id\tsite\na\tx\n', {}, '\t'],
    ['a pipe', 'registration_id|site\na|x\n', {}, '|'],
    ['the one that a sep line names', 'sep=;\r\nregistration_id;site\r\na;x\r\n', {}, ';'],
    ['any that a sep line names', '"sep=#"\nregistration_id#site\na#x\n', {}, '#'],
    ['behind a byte order mark, a sep line', '\uFEFFsep=\t\nregistration_id\tsite\na\tx\n', {}, '\t'],
    ['not more commas inside names', 'registration_id;"site, hall, line"\na;x\n', {}, ';'],
    ['not commas in unquoted names', 'registration_id;Hall, line, desk\na;x\n', {}, ';'],
    ['a mapped column', 'Serial;Hall, line, desk\na;x\n', { columns: { registration_id: 'Serial' } }, ';'],
    ['below blank lines', '\r\n\nregistration_id;site\na;x\n', {}, ';'],
    ['after line breaks in a quoted name', '"site,\n,hall";registration_id\nx;a\n', {}, ';'],
  ])('is %s', async (_, text, options, delimiter) => {
    const fleet = writeFleetFile(folder, text, { ...DETECT, ...options });
    expect((await surveyFleet(fleet, ANY)).delimiter).toBe(delimiter);
    expect(await rowsOf(fleet)).toMatchObject([{ registrationId: 'a', otherValues: ['x'] }]);
  });

  it('is a comma in a file of one column', async () => {
    expect((await surveyFleet(writeFleetFile(folder, 'registration_id\na\n', DETECT), ANY)).delimiter).toBe(',');
    const bare = { ...DETECT, header: false };
    expect(await rowsOf(writeFleetFile(folder, 'a\nb\n', bare))).toHaveLength(2);
  });

  it('is the given one, even against a sep line', async () => {
    const fleet = writeFleetFile(folder, 'sep=,\nregistration_id;a,b\nx;1,2\n', { delimiter: ';' });
    expect((await surveyFleet(fleet, ANY)).otherColumns).toEqual(['a,b']);
    const error = await operatorError(() => surveyFleet(writeFleetFile(folder, 'sep=;\na;b\nx;1\n'), ANY));
    expect(error.problems[0]).toMatchObject({ line: 2 });
  });

  it('does not change with rows that are appended', async () => {
    const fleet = writeFleetFile(folder, 'registration_id;site\na;x\n', DETECT);
    const survey = await surveyFleet(fleet, ANY);
    writeFileSync(fleet.file, 'registration_id;site\na;x\nb;"1,2,3,4"\nc;,,,,,,\n');
    expect((await surveyFleet(fleet, ANY)).delimiter).toBe(survey.delimiter);
  });
});

describe('the encoding of a fleet', () => {
  it('may be Windows-1252 in columns that are carried along, which are counted', async () => {
    const bytes = Buffer.concat([
      inWindows1252('registration_id,Kunde,Größe\na,Müller,1\nb,Meier,2 €\n'),
      Buffer.from('c,日本,3\n'),
      inWindows1252('d,Weiß,–\n'),
    ]);
    const fleet = writeFleetFile(folder, bytes, DETECT);
    const survey = await surveyFleet(fleet, ANY);
    expect(survey.otherColumns).toEqual(['Kunde', 'Größe']);
    expect((await rowsOf(fleet)).map(({ otherValues }) => otherValues)).toEqual([
      ['Müller', '1'],
      ['Meier', '2 €'],
      ['日本', '3'],
      ['Weiß', '–'],
    ]);
    expect(survey.windows1252).toEqual({ rows: 3, columns: ['Kunde', 'Größe'], line: 2, value: 'Müller' });
    expect(fleetWarnings(survey).map(({ message }) => message)).toEqual([
      '3 rows have text in columns "Kunde", "Größe" that is not UTF-8; it is read as Windows-1252 and written to the ' +
        'results as UTF-8 (line 2: "Müller")',
    ]);
  });

  it('gives no warning in UTF-8', async () => {
    const survey = await surveyFleet(writeFleetFile(folder, 'registration_id,x\na,Müller €\n', DETECT), ANY);
    expect([survey.windows1252, fleetWarnings(survey)]).toEqual([null, []]);
  });

  it.each([
    ['an ID', 'registration_id,x\na\xfc,1\n', 'registration_id is not valid UTF-8'],
    ['a key', 'registration_id,device_key\na,\xfc\n', 'device_key is not valid UTF-8'],
    ['a file name', 'registration_id,cert_file\na,m\xfcller.pem\n', 'cert_file is not valid UTF-8'],
    ['a key file name', 'registration_id,key_file\na,m\xfcller.key\n', 'key_file is not valid UTF-8'],
    ['a payload', 'registration_id,payload\na,"""\xfc"""\n', 'payload is not valid UTF-8'],
    ['a group', 'registration_id,group\na,M\xfcnster\n', 'group is not valid UTF-8'],
    ['a byte that means nothing', 'registration_id,x\na,\x81\n', 'column "x" is neither UTF-8 nor Windows-1252'],
  ])('is refused when %s is not UTF-8', async (_, text, message) => {
    const { problems } = await operatorError(() => surveyFleet(writeFleetFile(folder, latin1(text), DETECT), ANY));
    expect(problems[0]).toMatchObject({ line: 2, message, remedy: expect.stringContaining('CSV UTF-8') });
  });

  it.each([
    ['with a byte order mark', Buffer.from('\uFEFFregistration_id\na\n', 'utf16le')],
    ['of the other order', Buffer.from('\uFEFFregistration_id\na\n', 'utf16le').swap16()],
    ['without a byte order mark', Buffer.from('registration_id\na\n', 'utf16le')],
  ])('is refused as UTF-16 %s', async (_, bytes) => {
    const { problems } = await operatorError(() => surveyFleet(writeFleetFile(folder, bytes, DETECT), ANY));
    expect(problems).toMatchObject([{ line: 1, message: 'is UTF-16', remedy: expect.stringContaining('UTF-8') }]);
  });

  it('of the reported 303 rows rejects only the rows that are wrong', async () => {
    const rows = Array.from({ length: 303 }, (_, index) => {
      if (index >= 299) return `bad id ${index};Meier`;
      return `unit-${index};${index % 4 === 0 && index < 292 ? 'Müller' : 'Meier'}`;
    });
    const text = `registration_id;Kunde\r\n${rows.join('\r\n')}\r\n`;
    const survey = await surveyFleet(writeFleetFile(folder, inWindows1252(text), DETECT), ANY, { onBadRow: 'skip' });
    expect(survey).toMatchObject({
      rows: 299,
      rejectedRows: 4,
      windows1252: { rows: 73, columns: ['Kunde'], line: 2 },
    });
  });
});

describe('a fleet in any of the forms that factories write', () => {
  const value = fc.string({ unit: fc.constantFrom(...'aZ9 "\',;\t|\n', ...Object.keys(WINDOWS_1252)), maxLength: 6 });
  const forms = {
    'UTF-8': (text: string) => Buffer.from(text),
    'UTF-8 with a byte order mark': (text: string) => Buffer.from(`\uFEFF${text}`),
    'Windows-1252': inWindows1252,
  };

  it('reads as the same rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(...(Object.keys(forms) as (keyof typeof forms)[])),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (values, form, delimiter, newline, hasSepLine) => {
          // "ß™" in Windows-1252 has the bytes of another text in UTF-8; nobody can tell the two apart.
          fc.pre(
            form !== 'Windows-1252' || values.flat().every((text) => isAscii(text) || !isUtf8(inWindows1252(text))),
          );
          const field = (text: string): string =>
            /[",;\t|\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
          const records = [
            ['Kunde', 'registration_id', 'Ort'],
            ...values.map(([a, b], row) => [a, `unit-${row}`, b]),
          ].map((fields) => fields.map(field).join(delimiter) + newline);
          const text = `${hasSepLine ? `sep=${delimiter}${newline}` : ''}${records.join('')}`;
          const fleet = writeFleetFile(folder, forms[form](text), DETECT);
          const rows = await rowsOf(fleet);
          expect(rows.map(({ otherValues }) => otherValues)).toEqual(values);
          expect(rows.map(({ registrationId }) => registrationId)).toEqual(values.map((_, row) => `unit-${row}`));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ['commas', 'registration_id,result\na,failed\nb,failed\n'],
    ['semicolons and a byte order mark', '\uFEFFregistration_id;result\r\na;failed\r\nb;failed\r\n'],
    ['a sep line', 'sep=;\r\nregistration_id;result\r\na;failed\r\nb;failed\r\n'],
  ])('may list the devices of --only with %s', async (name, text) => {
    const file = join(folder, `only-${name.length}.csv`);
    writeFileSync(file, text);
    const ids: string[] = [];
    for await (const batch of readRegistrationIds(file, () => {})) ids.push(...batch.map((listed) => listed.text));
    expect(ids).toEqual(['a', 'b']);
  });
});

describe('the header of a fleet', () => {
  it.each([
    ['Serial,site\n', 'registration_id=Serial'],
    ['site;Serial No.\n', "'registration_id=Serial No.'"],
    ['RegID\tID\n', 'registration_id=RegID'],
    ['id,Device-ID\n', 'registration_id=Device-ID'],
    ['Seriennummer\n', 'registration_id=Seriennummer'],
    ['Registration ID,site\n', "'registration_id=Registration ID'"],
    ['registrationId,site\n', 'registration_id=registrationId'],
    ['registration-id,site\n', 'registration_id=registration-id'],
  ])('%j is asked about, and not mapped silently', async (header, mapped) => {
    const fleet = writeFleetFile(folder, `${header}a\n`, DETECT);
    const { problems } = await operatorError(() => surveyFleet(fleet, ANY));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line: 1, remedy: expect.stringContaining(`Did you mean --map ${mapped}? `) });
  });

  it('may carry such a column beside registration_id', async () => {
    const fleet = writeFleetFile(folder, 'registration_id,Serial,RegID\na,1,2\n', DETECT);
    expect((await surveyFleet(fleet, ANY)).otherColumns).toEqual(['Serial', 'RegID']);
  });
});

describe('what is said of an ID that is not UTF-8', () => {
  it('is its encoding, and nothing about a character that nobody wrote', async () => {
    const fleet = writeFleetFile(folder, latin1('registration_id;Kunde\na-\xfc;x\nb;y\n'), DETECT);
    const { problems } = await operatorError(() => surveyFleet(fleet, ANY));
    expect(problems.map(({ line, message }) => [line, message])).toEqual([
      [2, 'registration_id is not valid UTF-8'],
      [null, '1 of 2 rows cannot be used'],
    ]);
  });
});

describe('what is said of a fleet', () => {
  it('counts only the rows that are used', async () => {
    const text = latin1('registration_id,x\nTWICE,\xfc\ntwice,\xfc\nBad Id,\xfc\nOne,\xfc\nlower,\n');
    const survey = await surveyFleet(writeFleetFile(folder, text, DETECT), ANY, { onBadRow: 'skip' });
    expect(survey).toMatchObject({ rows: 2, rejectedRows: 3, capitalIds: 1, windows1252: { rows: 1, line: 5 } });
  });
});
