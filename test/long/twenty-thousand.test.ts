import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { onlyRunFolder, readLines, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DEVICES = 20_000;
const folder = temporaryFolder();

type RecordLine = {
  readonly registrationId?: string;
  readonly assignedHub?: string;
  readonly registers?: number;
};

it('20,000 devices, 500 in flight: none lost, none registered twice, hubs equal one by one', async () => {
  const env = { DPSLOAD_GROUP_KEY: Buffer.alloc(64, 9).toString('base64') };
  const records = join(folder, 'records.ndjson');
  const emulator = await startEmulatorProgram(['--retry-after', '1', '--records', records], env);
  const fleet = join(folder, 'fleet.csv');
  writeFileSync(fleet, `registration_id\n${Array.from({ length: DEVICES }, (_, n) => `unit-${n}`).join('\n')}\n`);
  const out = join(folder, 'out');
  const run = await dpsload([...['run', fleet, ...targetArgs(emulator), '-c', '500', '--out', out, '--quiet']], {
    env,
  });
  console.log(run.stdout);
  expect(run.code).toBe(0);
  await emulator.stop();

  const theirs = new Map(readLines<RecordLine>(records).map((line) => [line.registrationId, line]));
  const ours = readResultRows(join(onlyRunFolder(out), 'registrations.csv'));
  expect(ours).toHaveLength(DEVICES);
  for (const row of ours) {
    const record = theirs.get(row['registration_id']);
    expect([row['result'], row['assigned_hub'], row['registers_sent'], row['possibly_twice']]).toEqual([
      'assigned',
      record?.assignedHub,
      '1',
      'false',
    ]);
    expect(record?.registers).toBe(1);
  }
});
