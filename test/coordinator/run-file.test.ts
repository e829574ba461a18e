import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRunFile } from '../../src/coordinator/run-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function folderWith(text: string): string {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  writeFileSync(join(folder, 'run.json'), text);
  return folder;
}

describe('a run.json', () => {
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
