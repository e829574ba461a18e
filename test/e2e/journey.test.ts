import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { JourneyEnd } from '../../src/cli/view/journey-text.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const DEVICES = 40;

it('takes a batch the whole way on one emulator, and deletes what it created', async () => {
  const fleet = join(root, 'fleet.csv');
  const out = join(root, 'out');
  writeFileSync(fleet, `registration_id;line\n${Array.from({ length: DEVICES }, (_, n) => `dev-${n};a\n`).join('')}`);
  const { code, stdout, stderr } = await dpsload(
    ['journey', fleet, '--emulator', '--cleanup', '--json', '--out', out, '--hub-check-share', 'all'],
    { env: { DPSLOAD_RETRY_AFTER_MAX: '100ms', DPSLOAD_OPERATIONS_PER_MINUTE: '60000', DPSLOAD_WORKERS: '1' } },
  );
  expect([code, stderr]).toEqual([0, expect.stringContaining('verdict: every device came through')]);
  const { steps } = JSON.parse(stdout) as JourneyEnd;
  expect(steps.map(({ step, exitCode, isWhole }) => [step, exitCode, isWhole])).toEqual(
    ['enroll', 'register', 'hub check', 'audit', 'clean up'].map((step) => [step, 0, true]),
  );
  expect(steps.map(({ counts }) => counts)).toMatchObject([
    { created: DEVICES },
    { assigned: DEVICES },
    { passed: DEVICES },
    { agrees: DEVICES },
    { 'records deleted': DEVICES, 'enrollments deleted': DEVICES },
  ]);
  const folder = onlyRunFolder(out);
  const keys = readResultRows(join(folder, 'enroll', 'fleet-with-keys.csv')).map((row) => row['device_key'] ?? '');
  expect(new Set(keys).size).toBe(DEVICES);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const written = ['journey.json', 'run/run.json', 'run/journal.ndjson', 'run/registrations.csv', 'enroll/enroll.json'];
  const texts = [stdout, stderr, ...written.map((name) => readFileSync(join(folder, name), 'utf8'))].join('');
  expect(keys.filter((key) => texts.includes(key))).toEqual([]);
});
