import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { readRejectedLines } from '../../src/run-folder/rejected-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

it('the lines that a run left out are read back', async () => {
  const file = join(folder, 'rejected-rows.csv');
  writeFileSync(file, 'line,reason\n3,"has 1 field, not 2"\n70000,twice\n');
  const lines = await readRejectedLines(file);
  expect([lines.count, lines.has(3), lines.has(4), lines.has(70_000)]).toEqual([2, true, false, true]);
});

it.each([
  'none.csv',
  '.',
  'ragged.csv',
])("a file that cannot be read is the operator's to put right: %s", async (name) => {
  const file = join(folder, name);
  writeFileSync(join(folder, 'ragged.csv'), 'line,reason\n3,a,b\n');
  const failure = await readRejectedLines(file).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OperatorError);
  expect(String(failure)).toContain(file);
});
