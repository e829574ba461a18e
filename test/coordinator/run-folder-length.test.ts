import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { createRunFolder } from '../../src/coordinator/run-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('the folder of a run with a long name has a name that the file system takes, and a second one too', () => {
  const out = temporaryFolder();
  const made = [1, 2].map(() => createRunFolder(out, 'x'.repeat(300), 0));
  expect(readdirSync(out)).toEqual(made.map((folder) => basename(folder)).sort());
  expect(made[0]).toMatch(/1970-01-01T00-00-00Z-x{100}$/);
});
