import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { startDpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY } from '../support/emulated-instance.ts';
import {
  disagreements,
  type EnrollEmulator,
  plant,
  plantedAs,
  serviceFaults,
  startEnrollEmulator,
} from '../support/enroll-at-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** `ENROLL_ROWS=1000 npm run test:long enroll`. */
const ROWS = Number(process.env['ENROLL_ROWS'] ?? 10_000);
const KILLS = Number(process.env['ENROLL_KILLS'] ?? 12);

const folder = temporaryFolder();
let emulator: EnrollEmulator;

beforeAll(async () => {
  emulator = await startEnrollEmulator();
});

afterAll(async () => {
  await emulator.close();
});

it(`enrolls ${ROWS} rows over ${KILLS} kills, throttling, server errors and cut connections: nothing twice, nothing overwritten`, async () => {
  const ids = Array.from({ length: ROWS }, (_, row) => `dev-${row}`);
  const fleet = join(folder, 'fleet.csv');
  writeFileSync(fleet, `registration_id\n${ids.join('\n')}\n`);
  const etags = await plant(emulator, ids);
  await emulator.update({ faults: serviceFaults(0.01) });
  const env = { DPSLOAD_SERVICE_CONNECTION: emulator.connectionString, DPSLOAD_GROUP_KEY: GROUP_KEY };
  const common = ['--ca', emulator.caFile, '--operations-per-minute', '1000000'];
  const out = join(folder, 'results');
  let [kills, sessions] = [0, 0];
  for (;;) {
    const [run] = sessions === 0 ? [] : readdirSync(out);
    const args = run === undefined ? [fleet, '--out', out] : ['--resume', join(out, run)];
    const started = startDpsload(['enroll', ...args, ...common], { env });
    sessions += 1;
    if (kills < KILLS) {
      const began = started
        .until(({ stderr }) => stderr.includes('folder: '))
        .then(
          () => true,
          () => false,
        );
      if (await began) {
        await new Promise((resolve) => setTimeout(resolve, 200 + ((kills * 397) % 1_300)));
        if (started.child.kill('SIGKILL')) kills += 1;
      }
    }
    const { code, stderr, stdout } = await started.ended;
    process.stdout.write(`session ${sessions}: ${code ?? 'killed'}\n`);
    if (code === null) continue;
    expect([3, 5], stderr).toContain(code);
    if (code === 3) {
      process.stdout.write(stdout);
      break;
    }
  }
  await emulator.update({ faults: [] });
  const [run = ''] = readdirSync(out);
  expect(await disagreements(emulator, ids, etags, join(out, run))).toEqual([]);
  for (const [row, id] of ids.entries()) {
    if (row % 100 !== 0 || plantedAs(row) === 'different') continue;
    const attestation = await emulator.client.attestation('enrollments', id);
    expect(attestation?.symmetricKey?.primaryKey).toBe(deriveDeviceKey(GROUP_KEY, id));
  }
  for (const name of readdirSync(join(out, run))) {
    const text = readFileSync(join(out, run, name), 'utf8');
    expect(text).not.toContain(GROUP_KEY);
    expect(text).not.toContain(deriveDeviceKey(GROUP_KEY, 'dev-0'));
  }
  process.stdout.write(`${sessions} sessions, ${kills} kills, ${emulator.faultRecords.length} faults\n`);
}, 900_000);
