import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { showEnrollEnd } from '../../../src/cli/view/show-enroll-end.ts';
import { countStates } from '../../../src/enroll/row-result.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();

it('the end of an enroll names every file with keys', () => {
  for (const name of ['group.key', 'group-secondary.key']) writeFileSync(join(folder, name), '');
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const facts = {
    version: 1,
    host: 'dps.example',
    action: 'create',
    updates: false,
    groupId: 'line-a',
    rows: 1,
  } as const;
  const summary = { ...facts, states: countStates([]), notDone: 0, reasons: [] };
  showEnrollEnd({ folder, summary, exitCode: 0, stoppedBy: null }, true);
  const printed = stderr.mock.calls.join('').replaceAll('\n', ' ').replaceAll('/ ', '/');
  stderr.mockRestore();
  stdout.mockRestore();
  expect(printed).toMatch(/ group key, secret: \S*\/group\.key /);
  expect(printed).toMatch(/ secondary group key, secret: \S*\/group-secondary\.key /);
});
