import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fleetOfRun, readResumableRun, recordResume } from '../../src/run-folder/run-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

function folderWith(text: string | null): string {
  const folder = mkdtempSync(join(root, 'run-'));
  if (text !== null) writeFileSync(join(folder, 'run.json'), text);
  return folder;
}

const fleet = { file: 'fleet.csv', digest: 'ab', bytes: 1, rows: 1, rejectedRows: 0, otherColumns: [] };
const scenario = { fleet: { file: 'fleet.csv', delimiter: ',', header: true, columns: {} } };
const NO_PINS = { only: null, exclude: null };

describe('a run.json', () => {
  it('is changed as a whole, and keeps what was not changed', async () => {
    const settings = { load: { limit: 10 } };
    const folder = folderWith(JSON.stringify({ version: 1, settings: {}, fleet, machine: 'm' }));
    const before = { version: 1, settings: {}, fleet, selectionPins: NO_PINS, sessions: 0 };
    expect(readResumableRun(folder)).toEqual(before);
    await recordResume(folder, { settings, scenario, sessions: 2, fleetDigest: 'ab' });
    expect(readResumableRun(folder)).toEqual({ ...before, settings, sessions: 2 });
    const text = readFileSync(join(folder, 'run.json'), 'utf8');
    const after = { version: 1, settings, fleet, machine: 'm', scenario, sessions: 2 };
    expect(text).toBe(`${JSON.stringify(after, null, 2)}\n`);
  });

  it('stays as it was where it cannot be written', async () => {
    const text = JSON.stringify({ version: 1, settings: {}, fleet });
    const folder = folderWith(text);
    mkdirSync(join(folder, 'run.json.tmp'));
    const changes = { settings: { load: {} }, scenario, sessions: 1, fleetDigest: 'ab' };
    await expect(recordResume(folder, changes)).rejects.toThrow(/cannot be written \(EISDIR.*nothing was sent/);
    expect(readFileSync(join(folder, 'run.json'), 'utf8')).toBe(text);
    expect(readdirSync(folder)).toEqual(['run.json', 'run.json.tmp']);
  });

  it.each([
    [
      'damaged',
      '{"version":1"settings":{}}',
      /run\.json: is damaged \(.* at position 12\b.*\)\. Restore it from a copy/,
    ],
    ['cut', '{"version":', /run\.json: is damaged \(Unexpected end of JSON input\)\. Restore it from a copy/],
    ['of another version', '{"version":9}', /run\.json: was written by another version of dpsload/],
    ['missing', null, /run\.json: does not exist/],
  ])('that is %s is refused', (_, text, message) => {
    expect(() => readResumableRun(folderWith(text))).toThrow(message);
  });
});

const fleetFile = { file: 'fleet.csv', delimiter: ';', header: true, columns: { registration_id: 'Serial' } };

it.each([
  ['what run.json says', JSON.stringify({ version: 1, scenario: { name: null, fleet: fleetFile } }), fleetFile],
  ['nothing without a fleet', JSON.stringify({ scenario: {} }), null],
  ['nothing when it is no JSON', '{"scenario":', null],
  ['nothing when it is missing', null, null],
])('the fleet of a run is %s', (_, text, expected) => {
  expect(fleetOfRun(folderWith(text))).toEqual(expected);
});
