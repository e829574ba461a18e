import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import type { FleetRules } from '../../src/fleet/fleet-rules.ts';
import { readFleet } from '../../src/fleet/read-fleet.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { PROBLEMS_LISTED_MAX, type Problem } from '../../src/problem/operator-error.ts';
import { registrationIds, symmetricKeys } from '../support/arbitraries.ts';
import { operatorError, writeFleetFile } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const KEY = Buffer.alloc(32, 1).toString('base64');
const ANY: FleetRules = { keys: 'for-every-row' };
const EVERY_ROW: FleetRules = { keys: 'in-every-row' };

async function rowsOf(fleet: FleetFile, rules: FleetRules = ANY): Promise<readonly FleetRow[]> {
  const rows: FleetRow[] = [];
  for await (const row of readFleet(fleet, await surveyFleet(fleet, rules))) rows.push(row);
  return rows;
}

const NO_VALUES = {
  group: null,
  expectedHub: null,
  deviceKey: null,
  certificateFile: null,
  keyFile: null,
  payloadJson: null,
  otherValues: [],
};

/** Problems of rows and of the file, without the number of bad rows that closes the list. */
const withoutCount = (problems: readonly Problem[]): readonly Problem[] =>
  problems.filter(({ message }) => !message.endsWith('cannot be used'));

describe('a fleet', () => {
  it('has all its columns read, and unknown ones carried', async () => {
    const fleet = writeFleetFile(
      folder,
      'site,registration_id,device_key,cert_file,key_file,payload,group,expected_hub,note\n' +
        `north,dev-1,${KEY},a.pem,a.key,"{""n"":1}",line-a,hub-a,"x, y"\n,dev-2,,,,,,,\n`,
    );
    expect(await surveyFleet(fleet, ANY)).toEqual({
      file: fleet.file,
      digest: createHash('sha256').update(readFileSync(fleet.file)).digest('hex'),
      bytes: readFileSync(fleet.file).length,
      rows: 2,
      rejectedRows: 0,
      rejectedLines: null,
      knownColumns: ['registration_id', 'device_key', 'cert_file', 'key_file', 'payload', 'group', 'expected_hub'],
      otherColumns: ['site', 'note'],
      delimiter: ',',
      capitalIds: 0,
      windows1252: null,
    });
    expect(await rowsOf(fleet)).toEqual([
      {
        row: 0,
        registrationId: 'dev-1',
        deviceKey: KEY,
        certificateFile: 'a.pem',
        keyFile: 'a.key',
        payloadJson: '{"n":1}',
        group: 'line-a',
        expectedHub: 'hub-a',
        otherValues: ['north', 'x, y'],
      },
      { row: 1, registrationId: 'dev-2', ...NO_VALUES, otherValues: ['', ''] },
    ]);
  });

  it.each([
    ['a mapped column', 'Serial\ndev-1\n', { columns: { registration_id: 'Serial' } }],
    [
      'a mapped column that looks like a secret',
      `x;Token\ndev-1;${KEY}\n`,
      { delimiter: ';', columns: { registration_id: 'x', device_key: 'Token' } },
    ],
    ['no header', 'dev-1\r\n', { header: false }],
    ['no last line end', 'registration_id\ndev-1', {}],
    ['a byte order mark', '\uFEFFregistration_id\ndev-1\n', {}],
    ['a byte order mark and quotes', '\uFEFF"registration_id"\n"dev-1"\n', {}],
    ['tabs', 'registration_id\tsite\ndev-1\tx\n', { delimiter: '\t' }],
    ['blank lines', '\n\nregistration_id\n\ndev-1\n\n\n', {}],
  ])('may have %s', async (_, content, options) => {
    expect((await rowsOf(writeFleetFile(folder, content, options))).map((row) => row.registrationId)).toEqual([
      'dev-1',
    ]);
  });

  it('comes back as it was generated, in its order', async () => {
    const uniqueIds = fc.uniqueArray(registrationIds, {
      selector: (id) => id.toLowerCase(),
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(uniqueIds, fc.array(fc.option(symmetricKeys)), async (ids, keys) => {
        const lines = ids.map((id, index) => `${keys[index] ?? ''},${id}\n`);
        const rows = await rowsOf(writeFleetFile(folder, `device_key,registration_id\n${lines.join('')}`));
        expect(rows).toEqual(
          ids.map((registrationId, row) => ({ ...NO_VALUES, row, registrationId, deviceKey: keys[row] ?? null })),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('that is changed after its survey is noticed, and no illegal row of it is handed out', async () => {
    const fleet = writeFleetFile(folder, 'registration_id\ndev-1\ndev-2\n');
    const survey = await surveyFleet(fleet, ANY);
    for (const [content, before] of [
      ['registration_id\ndev-1\ndev-3\n', 2],
      ['registration_id\ndev-1\n', 1],
      ['registration_id\ndev-1\nde v\n', 1],
    ] as const) {
      const changed = writeFleetFile(folder, content);
      let rows = 0;
      const error = await operatorError(async () => {
        for await (const _ of readFleet(changed, survey)) rows += 1;
      });
      expect(error.message).toContain('was changed');
      expect(rows).toBe(before);
    }
  });

  it('to which rows are added after its survey hands out those that it had', async () => {
    const fleet = writeFleetFile(folder, 'registration_id\ndev-1\ndev-2');
    const survey = await surveyFleet(fleet, ANY);
    const longer = writeFleetFile(folder, 'registration_id\ndev-1\ndev-22\ndev-3\n');
    const ids: string[] = [];
    for await (const { registrationId } of readFleet(longer, survey)) ids.push(registrationId);
    expect(ids).toEqual(['dev-1', 'dev-2']);
  });
});

describe('a fleet that cannot be used', () => {
  it.each<[string, string, Partial<FleetFile>, FleetRules, readonly (readonly [number | null, string, string])[]]>([
    ['is empty', '', {}, ANY, [[null, 'is empty', 'Write a header line with registration_id']]],
    ['is blank', '\n\n', {}, ANY, [[null, 'is empty', 'Write a header line']]],
    ['has no rows', 'registration_id\n', {}, ANY, [[null, 'a header but no rows', 'Write a line for each device']]],
    [
      'lacks the column',
      'a,b\n1,2\n',
      {},
      ANY,
      [[1, 'no column registration_id; the columns are "a", "b"', '--map registration_id=NAME']],
    ],
    [
      'has a lone first line that is no name',
      'dev-1\ndev-2\n',
      {},
      ANY,
      [[1, 'not a known column: "dev-1"', 'Use --no-header']],
    ],
    ['has another delimiter', 'registration_id;site\na;b\n', {}, ANY, [[1, 'only one field', "--delimiter ';'"]]],
    ['has tabs', 'registration_id\tsite\na\tb\n', {}, ANY, [[1, 'only one field', '--delimiter tab']]],
    ['has a column twice', 'registration_id,x,x\na,1,2\n', {}, ANY, [[1, '"x" appears twice', 'Rename or remove']]],
    ['has a nameless column', 'registration_id,\na,1\n', {}, ANY, [[1, 'column 2 has no name', 'Name it']]],
    [
      'has its header below blank lines',
      '\n\nregistration_id,\na,1\n',
      {},
      ANY,
      [[3, 'column 2 has no name', 'Name it']],
    ],
    [
      'resembles: case',
      'Registration_ID\na\n',
      {},
      ANY,
      [[1, 'resembles registration_id', 'Did you mean --map registration_id=Registration_ID?']],
    ],
    [
      'resembles: plural',
      'registration_id,groups\na,1\n',
      {},
      ANY,
      [[1, '"groups" resembles group', '--map group=groups']],
    ],
    [
      'resembles: one edit',
      'registration_id,payloat\na,1\n',
      {},
      ANY,
      [[1, 'resembles payload', '--map payload=payloat']],
    ],
    [
      'resembles: separators',
      'registration-id,Expected Hub\na,1\n',
      {},
      ANY,
      [
        [1, 'resembles registration_id', '--map'],
        [1, 'resembles expected_hub', '--map'],
      ],
    ],
    [
      'has a secret column',
      'registration_id,Primary Key\na,1\n',
      {},
      ANY,
      [[1, 'looks like a secret', "--map 'device_key=Primary Key'"]],
    ],
    [
      'has a connection string',
      'registration_id,connectionString\na,1\n',
      {},
      ANY,
      [[1, 'looks like a secret', 'remove the column']],
    ],
    ['has a token', 'registration_id,sasToken\na,1\n', {}, ANY, [[1, 'looks like a secret', 'remove the column']]],
    [
      'has no mapped column',
      'Serial\na\n',
      { columns: { registration_id: 'Serail' } },
      ANY,
      [[1, 'no column "Serail" for registration_id', 'Correct --map registration_id=NAME']],
    ],
    [
      'has no mapped column, but one of our own name',
      'registration_id\na\n',
      { columns: { registration_id: 'x' } },
      ANY,
      [[1, 'no column "x" for registration_id', 'Correct --map registration_id=NAME']],
    ],
    [
      'has a row too long',
      'registration_id,x\na,1\nb\nc,1,2\n',
      {},
      ANY,
      [
        [3, '1 field instead of 2', 'quote fields that contain the delimiter'],
        [4, '3 fields', 'quote fields'],
      ],
    ],
    [
      'has a header where none is expected',
      'registration_id,x\na,1\n',
      { header: false },
      ANY,
      [
        // Both lines.
        [1, '2 fields instead of 1', 'Remove --no-header'],
      ],
    ],
    [
      'has illegal IDs',
      `registration_id\nok\na b\n${'x'.repeat(129)}\nend.\n"",\n`,
      {},
      ANY,
      [
        [3, 'contains " "', 'Correct the ID'],
        [4, '129 characters', 'Correct the ID'],
        [5, 'must end with', 'Correct the ID'],
        [6, '2 fields', 'header'],
      ],
    ],
    ['has an empty ID', 'registration_id,x\n,1\n', {}, ANY, [[2, 'registration_id is empty', 'Correct the ID']]],
    [
      'has bad keys',
      'registration_id,device_key\na,###\nb,YWJj\n',
      {},
      ANY,
      [
        [2, 'device_key is not base64', 'Copy the whole key again'],
        [3, 'decodes to 3 bytes', 'Copy the whole key again'],
      ],
    ],
    [
      'has bad payloads',
      `registration_id,payload\na,{x}\nb,"""${'x'.repeat(98_304)}"""\n`,
      {},
      ANY,
      [
        [2, 'payload is not JSON', 'Write JSON'],
        [3, 'more than 98,304 bytes', 'Shorten it'],
      ],
    ],
    [
      'has a secret in another column',
      'registration_id,x\na,HostName=h;SharedAccessKey=abc\n',
      {},
      ANY,
      [[2, '"x" contains a secret', 'Remove the column']],
    ],
    [
      'is not UTF-8 where that matters',
      Buffer.from('registration_id,group\na,Stra\xdfe\n', 'latin1') as unknown as string,
      {},
      ANY,
      [[2, 'group is not valid UTF-8', 'Save the file as CSV in UTF-8']],
    ],
    [
      'is UTF-16',
      Buffer.from('\uFEFFregistration_id\na\n', 'utf16le') as unknown as string,
      {},
      ANY,
      [[1, 'is UTF-16', 'Save the file as CSV in UTF-8']],
    ],
    [
      'has no UTF-8 header',
      Buffer.from('registration_id,Stra\x81e\na,1\n', 'latin1') as unknown as string,
      {},
      ANY,
      [[1, 'the header is not UTF-8', 'Save the file']],
    ],
    [
      'lacks the device keys’ column',
      'registration_id\na\n',
      {},
      EVERY_ROW,
      [[1, 'no column device_key', '--map device_key=NAME']],
    ],
    [
      'lacks a device key',
      `registration_id,device_key\na,${KEY}\nb,\n`,
      {},
      EVERY_ROW,
      [[3, 'no device_key', '--attestation group-key']],
    ],
    [
      'has groups without a key',
      'registration_id,group\na,A\nb,B\nc,\n',
      {},
      { keys: 'of-these-groups', groups: ['A'] },
      [
        [3, 'no key given for group "B"', 'attestation.groups'],
        [4, 'neither a group nor a device_key', '--group-key-file'],
      ],
    ],
    [
      'repeats IDs',
      'registration_id,x\ndev-1,"\n"\nb,\nDEV-1,\nb,\n',
      {},
      ANY,
      [
        [5, 'duplicate of line 2 (IDs are not case-sensitive)', 'its own ID'],
        [6, 'line 4', 'its own ID'],
      ],
    ],
    [
      'has problems of every kind',
      'registration_id,payload\na,x\nb c,\na,\n',
      {},
      ANY,
      [
        [2, 'not JSON', 'JSON'],
        [3, 'contains " "', 'ID'],
        [4, 'line 2', 'own'],
      ],
    ],
    [
      'is no CSV further down',
      'registration_id,x\na b,1\nc,"x\n',
      {},
      ANY,
      [
        [2, 'contains " "', 'ID'],
        [3, 'never closed', 'quotes'],
      ],
    ],
  ])('%s', async (_, content, options, rules, expected) => {
    const fleet = writeFleetFile(folder, content, options);
    const error = await operatorError(() => surveyFleet(fleet, rules));
    expect(error.kind).toBe('usage');
    const problems = withoutCount(error.problems);
    expect(problems.map(({ file, line }) => [file, line])).toEqual(expected.map(([line]) => [fleet.file, line]));
    problems.forEach(({ message, remedy }, index) => {
      expect(message).toContain(expected[index]?.[1]);
      expect(remedy).toContain(expected[index]?.[2]);
    });
  });

  it.each([
    ['is missing', join(folder, 'nowhere.csv'), 'no such file', 'Check the path'],
    ['is below a file', join(folder, 'plain/fleet.csv'), 'no such file', 'Check the path'],
    ['is a folder', join(folder, 'directory'), 'is a folder', 'Name a file inside it'],
    ['may not be read', join(folder, 'closed.csv'), 'cannot be read (EACCES)', 'Check the path and its permissions'],
  ])('%s', async (state, file, message, remedy) => {
    mkdirSync(join(folder, 'directory'), { recursive: true });
    if (state === 'may not be read') {
      // Nothing is closed to the superuser.
      if (process.getuid?.() === 0) return;
      chmodSync(writeFleetFile(folder, '').file, 0);
    }
    const error = await operatorError(() => surveyFleet({ file, delimiter: ',', header: true, columns: {} }, ANY));
    expect(error.problems).toMatchObject([{ file, message, remedy }]);
  });

  // Windows has neither.
  it.skipIf(process.platform === 'win32')(
    'is a pipe or a device, which could not be read a second time (not on Windows)',
    async () => {
      const pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      for (const file of [pipe, '/dev/null']) {
        const error = await operatorError(() => surveyFleet({ file, delimiter: ',', header: true, columns: {} }, ANY));
        expect(error.problems).toMatchObject([
          { file, message: expect.stringMatching(/pipe .* read more than once$/) },
        ]);
      }
    },
  );

  it('has its problems counted beyond those that are listed', async () => {
    const lines = Array.from({ length: 1_000 }, (_, index) => `a${String.fromCodePoint(0x4e00 + index)}\n`);
    const bad = writeFleetFile(folder, `registration_id\n${lines.join('')}`);
    const error = await operatorError(() => surveyFleet(bad, ANY));
    expect(withoutCount(error.problems)).toHaveLength(PROBLEMS_LISTED_MAX + 1);
    expect(error.message).toMatch(/: 1,000 of 1,000 rows cannot be used\. [^\n]+$/);
    expect(error.message).toContain(`and ${1_000 - PROBLEMS_LISTED_MAX} more`);
    const ids = Array.from({ length: 300 }, (_, index) => `dev-${index}\n`).join('');
    const doubled = await operatorError(() =>
      surveyFleet(writeFleetFile(folder, `registration_id\n${ids}${ids}`), ANY),
    );
    expect(withoutCount(doubled.problems)).toHaveLength(PROBLEMS_LISTED_MAX + 1);
    expect(doubled.message).toMatch(/: 300 of 600 rows cannot be used\. [^\n]+$/);
    expect(doubled.problems[0]?.line).toBe(302);
    expect(doubled.message).toContain(`and ${300 - PROBLEMS_LISTED_MAX} more`);
  });

  it('has its problems in the order of its lines, then the number of bad rows and how to leave them out', async () => {
    const bad = writeFleetFile(folder, 'registration_id\na\na\nb c\nd e,\n');
    const { problems } = await operatorError(() => surveyFleet(bad, ANY));
    expect(problems.map(({ line }) => line)).toEqual([3, 4, 5, null]);
    expect(problems.at(-1)).toMatchObject({
      message: '3 of 4 rows cannot be used',
      remedy: expect.stringContaining('--on-bad-row skip'),
    });
  });

  it('does not advise to leave rows out to a command that takes the whole fleet', async () => {
    const bad = writeFleetFile(folder, 'registration_id\na\nb c\n');
    const { problems } = await operatorError(() => surveyFleet(bad, ANY, { canSkip: false }));
    expect(problems.at(-1)).toMatchObject({ message: '1 of 2 rows cannot be used', remedy: 'Correct the file' });
  });

  it('has a problem that rows share in one line, with a count', async () => {
    const bad = writeFleetFile(folder, `registration_id\na\nb\n${'a b\n'.repeat(50)}`);
    const { message } = await operatorError(() => surveyFleet(bad, ANY));
    expect(message).toContain(`${bad.file}: lines 4, 5, 6 and 47 more: registration_id contains " "`);
    expect(message.split('\n')).toHaveLength(2);
    const keyless = writeFleetFile(folder, 'registration_id,device_key\na,\nb,\nc,d,\ne,f,\n');
    const text = (await operatorError(() => surveyFleet(keyless, { keys: 'in-every-row' }))).message;
    expect(text).toContain(`${keyless.file}: lines 2 and 3: no device_key. `);
    expect(text).toContain(`${keyless.file}: lines 4 and 5: 3 fields instead of 2. `);
  });

  it('never has a key quoted, wherever it stands', async () => {
    await fc.assert(
      fc.asyncProperty(
        symmetricKeys,
        fc.constantFrom('registration_id', 'device_key', 'cert_file', 'payload', 'site', 'group'),
        fc.constantFrom(
          (key: string) => key,
          (key: string) => `${key}x`,
          (key: string) => ` ${key}`,
          (key: string) => `"${key}`,
          (key: string) => `${key}"`,
          (key: string) => `${key},${key}`,
        ),
        fc.boolean(),
        async (key, column, spoil, asHeader) => {
          const [header, row] = asHeader
            ? [`registration_id,${spoil(key)}`, 'a,b']
            : [column === 'registration_id' ? 'x,registration_id' : `registration_id,${column}`, `1,${spoil(key)}`];
          const fleet = writeFleetFile(folder, `${header}\n${row}\n${row}\n`);
          const told = await surveyFleet(fleet, { keys: 'of-these-groups', groups: [] }).then(
            () => '',
            (error: unknown) => String(error),
          );
          expect(told).not.toContain(key);
        },
      ),
      { numRuns: 200 },
    );
  });
});
