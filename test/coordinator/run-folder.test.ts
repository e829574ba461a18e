import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { createRunFolder } from '../../src/coordinator/run-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it.each([
  ['run-2026.11', 'run-2026.11'],
  ['line 3/night', 'line-3-night'],
  [null, 'batch.7'],
])('a run of the scenario %j has a folder for %s', (name, label) => {
  const fleet = { file: 'fleets/batch.7.csv', delimiter: ',', header: true, columns: {} };
  const scenario = { out: temporaryFolder(), name, fleet };
  const made = [1, 2].map(() => basename(createRunFolder(scenario, Date.UTC(2026, 10, 2, 3, 4, 5))));
  expect(made).toEqual([`2026-11-02T03-04-05Z-${label}`, `2026-11-02T03-04-05Z-${label}-2`]);
});
