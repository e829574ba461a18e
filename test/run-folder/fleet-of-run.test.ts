import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fleetOfRun } from '../../src/run-folder/run-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const fleet = { file: 'fleet.csv', delimiter: ';', header: true, columns: { registration_id: 'Serial' } };

it.each([
  ['what run.json says', JSON.stringify({ version: 1, scenario: { name: null, fleet } }), fleet],
  ['nothing without a fleet', JSON.stringify({ scenario: {} }), null],
  ['nothing when it is no JSON', '{"scenario":', null],
  ['nothing when it is missing', null, null],
])('the fleet of a run is %s', (_, text, expected) => {
  const folder = mkdtempSync(join(root, 'run-'));
  if (text !== null) writeFileSync(join(folder, 'run.json'), text);
  expect(fleetOfRun(folder)).toEqual(expected);
});
