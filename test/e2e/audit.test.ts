import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openService } from '../../src/cli/host/service-access.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { IndividualEnrollmentBody } from '../../src/dps/service-api.ts';
import { parseServiceConnection } from '../../src/dps/service-connection.ts';
import type { Summary } from '../../src/report/summary.ts';
import { checkChecksums } from '../../src/run-folder/checksums.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY } from '../support/emulated-instance.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const root = temporaryFolder();
const ROWS = 100;

function clientOf({ serviceConnectionString, caPem }: TestEmulator) {
  const connection = parseServiceConnection(serviceConnectionString ?? '');
  if (typeof connection === 'string') throw new Error(connection);
  return openService(
    { connection, caPems: [caPem], address: null, operationsPerMinute: 60_000 },
    systemClock(hrtimeMs()),
  );
}

function fleetOf(name: string, ids: readonly string[]): string {
  const file = join(root, name);
  writeFileSync(file, `registration_id\n${ids.map((id) => `${id}\n`).join('')}`);
  return file;
}

it('finds each difference that was planted, and nothing else; a clean-up deletes what is left of the run', async () => {
  const emulator = await startTestEmulator({ servicePort: 0, behavior: { retryAfterSeconds: 0 } });
  const service = clientOf(emulator);
  const env = { DPSLOAD_GROUP_KEY: GROUP_KEY, DPSLOAD_SERVICE_CONNECTION: emulator.serviceConnectionString ?? '' };
  const api = ['--ca', emulator.caFile, '--operations-per-minute', '60000'];
  const run = (fleet: string, out: string) =>
    dpsload(['run', fleet, ...targetArgs(emulator), '--quota', 'off', '--yes', '--out', out, '--quiet'], { env });
  const group = emulator.enrollmentGroups[0] ?? '';
  const individual = (id: string, changes: Partial<IndividualEnrollmentBody>) => {
    const symmetricKey = { primaryKey: deriveDeviceKey(GROUP_KEY, id), secondaryKey: deriveDeviceKey(GROUP_KEY, id) };
    const attestation = { type: 'symmetricKey', symmetricKey } as const;
    return service.client.put('enrollments', id, { registrationId: id, attestation, ...changes }, null);
  };
  try {
    const out = mkdtempSync(join(root, 'out-'));
    const ids = Array.from({ length: ROWS }, (_, row) => `dev-${row}`);
    const first = await run(fleetOf('fleet.csv', ids), out);
    expect(first.code).toBe(0);
    const folder = onlyRunFolder(out);
    const [hub = ''] = [...emulator.records()]
      .filter(({ registrationId }) => registrationId === 'dev-3')
      .map(({ assignedHub }) => assignedHub ?? '');
    const otherHub = [...emulator.records()].find(({ assignedHub }) => assignedHub !== hub)?.assignedHub ?? '';

    await service.client.deleteRegistration('dev-7', null);
    await individual('dev-3', { allocationPolicy: 'static', iotHubs: [otherHub] });
    await individual('dev-5', { deviceId: 'other' });
    await run(fleetOf('planted.csv', ['dev-3', 'dev-5', 'stranger']), mkdtempSync(join(root, 'out-')));

    const audit = await dpsload(['audit', folder, '--group', group, ...api], { env });
    expect(audit).toMatchObject({ code: 3 });
    const found = readResultRows(join(folder, 'audit.csv')).filter(({ verdict }) => verdict !== 'agrees');
    expect(found.map((row) => [row['registration_id'], row['verdict'], row['differences']])).toEqual([
      ['dev-3', 'differs', 'hub'],
      ['dev-5', 'differs', expect.stringMatching(/^(hub )?device-id$/)],
      ['dev-7', 'missing', ''],
      ['stranger', 'extra', ''],
    ]);
    const summary: Summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'));
    expect(summary.audit).toMatchObject({ extra: 1, rows: { agrees: ROWS - 3, differs: 2, missing: 1 } });

    const cleanup = await dpsload(['cleanup', folder, ...api, '--yes'], { env });
    expect(cleanup.stderr).toContain('deletes 97 registration records that this run created');
    expect(cleanup).toMatchObject({ code: 3, stdout: 'deleted  97\ngone     1\nkept     2\n' });
    expect([...emulator.records()].map(({ registrationId }) => registrationId).sort()).toEqual([
      'dev-3',
      'dev-5',
      'stranger',
    ]);
    expect(readFileSync(join(folder, 'left-behind.txt'), 'utf8').match(/device-identity delete/g)).toHaveLength(ROWS);
    await checkChecksums(folder);
  } finally {
    service.close();
    await emulator.close();
  }
});
