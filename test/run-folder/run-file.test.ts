import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changeRunFile, readRunFile } from '../../src/run-folder/run-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function folderWith(text: string): string {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  writeFileSync(join(folder, 'run.json'), text);
  return folder;
}

const fleet = { file: 'fleet.csv', digest: 'ab', bytes: 1, rows: 1, rejectedRows: 0, otherColumns: [] };

describe('a run.json', () => {
  it('is changed as a whole, and keeps what was not changed', async () => {
    const settings = { load: { limit: 10 } };
    const folder = folderWith(JSON.stringify({ version: 1, settings: {}, fleet, machine: 'm' }));
    expect(readRunFile(folder)).toEqual({ version: 1, settings: {}, fleet, sessions: 0 });
    await changeRunFile(folder, { settings, sessions: 2 });
    expect(readRunFile(folder)).toEqual({ version: 1, settings, fleet, sessions: 2 });
    expect(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))).toHaveProperty('machine', 'm');
  });

  it('stays as it was where it cannot be written', async () => {
    const text = JSON.stringify({ version: 1, settings: {}, fleet });
    const folder = folderWith(text);
    mkdirSync(join(folder, 'run.json.tmp'));
    await expect(changeRunFile(folder, { settings: { load: {} } })).rejects.toThrow(
      /cannot be written \(EISDIR.*nothing was sent/,
    );
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
    ['of another version', '{"version":9}', /run\.json: was not written by this version/],
  ])('that is %s is refused', (_, text, message) => {
    expect(() => readRunFile(folderWith(text))).toThrow(message);
  });
});
