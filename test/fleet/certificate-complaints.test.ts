import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { certificateComplaints } from '../../src/fleet/fleet-rules.ts';
import { fleetRow } from '../support/launches.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
for (const name of ['dev-1.pem', 'dev-1.key']) writeFileSync(join(folder, name), '');
const IN_FOLDER = {
  from: 'folder',
  folder,
  certificatePattern: '{registration_id}.pem',
  keyPattern: '{registration_id}.key',
} as const;

it.each<[name: string, row: object, files: Parameters<typeof certificateComplaints>[1], messages: RegExp[]]>([
  ['both files by the pattern', {}, IN_FOLDER, []],
  ['both files by the row', { certificateFile: 'dev-1.pem', keyFile: 'dev-1.key' }, { from: 'rows', folder }, []],
  ['a certificate made at launch', {}, null, []],
  ['an ID of 64 characters', { registrationId: 'a'.repeat(64) }, null, []],
  ['an ID of 65 characters', { registrationId: 'a'.repeat(65) }, null, [/is 65 characters long.*at most 64/]],
  [
    'no file by the pattern',
    { registrationId: 'dev-9' },
    IN_FOLDER,
    [/^cert_file ".*dev-9\.pem": no such file/, /^key_file/],
  ],
  ['no file in the row', {}, { from: 'rows', folder }, [/^no cert_file$/, /^no key_file$/]],
  ['one file in the row', { keyFile: 'dev-1.key' }, { from: 'rows', folder }, [/^no cert_file$/]],
])('a row with %s', (_name, row, files, messages) => {
  const complaints = certificateComplaints({ ...fleetRow(1), ...row }, files).map(({ message }) => message);
  expect(complaints).toEqual(messages.map((message) => expect.stringMatching(message)));
});
