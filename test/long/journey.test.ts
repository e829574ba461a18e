import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openService } from '../../src/cli/host/service-access.ts';
import type { JourneyEnd } from '../../src/cli/view/journey-text.ts';
import { parseServiceConnection } from '../../src/dps/service-connection.ts';
import { NO_QUOTAS } from '../../src/emulator/service/quotas.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { dpsload, startDpsload } from '../support/dpsload-program.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const root = temporaryFolder();

/** Milliseconds after which a journey is killed: in every step at least once. */
const KILLS_MS = [900, 1_500, 2_200, 3_000, 4_000];

let emulator: TestEmulator;
let service: ReturnType<typeof openService>;

beforeAll(async () => {
  emulator = await startTestEmulator({
    ...{ servicePort: 0, hubPort: 0, behavior: { retryAfterSeconds: 0 } },
    instances: [emulatedInstance({ quotas: NO_QUOTAS })],
  });
  const connection = parseServiceConnection(emulator.serviceConnectionString ?? '');
  if (typeof connection === 'string') throw new Error(connection);
  const access = { connection, caPems: [emulator.caPem], address: null, operationsPerMinute: 60_000 };
  service = openService(access, systemClock(hrtimeMs()));
});

afterAll(async () => {
  service.close();
  await emulator.close();
});

function fleetOf(prefix: string, devices: number): string {
  const file = join(root, `${prefix}.csv`);
  const ids = Array.from({ length: devices }, (_, n) => `${prefix}-${n}\n`);
  writeFileSync(file, `registration_id\n${ids.join('')}`);
  return file;
}

const env = () => ({
  DPSLOAD_SERVICE_CONNECTION: emulator.serviceConnectionString ?? '',
  ...{ DPSLOAD_OPERATIONS_PER_MINUTE: '60000', DPSLOAD_WORKERS: '1', DPSLOAD_HUB_IDENTITY_WAIT: '0s' },
});

function begin(prefix: string, devices: number) {
  const out = mkdtempSync(join(root, 'out-'));
  const hubs = ['--hub-connect-to', `127.0.0.1:${emulator.hubPort}`, '--hub-check-share', 'all'];
  const common = ['--generate-keys', '--out', out, '--quiet', '--json'];
  return { out, args: ['journey', fleetOf(prefix, devices), ...targetArgs(emulator), ...hubs, ...common] };
}

/** The journey that has begun to enroll. */
function begunUnder(out: string): string | null {
  const folders = readdirSync(out).map((name) => join(out, name));
  return folders.find((folder) => existsSync(join(folder, 'enroll', 'enroll.json'))) ?? null;
}

const stepsOf = (stdout: string) =>
  (JSON.parse(stdout) as JourneyEnd).steps.map(({ step, exitCode, text }) => [step, exitCode, text]);

describe('a journey at an emulator of its own', () => {
  it('leaves an enrollment that differs as it is, and registers nothing', async () => {
    const { args } = begin('differs', 5);
    const symmetricKey = { primaryKey: Buffer.alloc(32, 1).toString('base64') };
    const attestation = { type: 'symmetricKey', symmetricKey } as const;
    await service.client.put(
      'enrollments',
      'differs-2',
      { registrationId: 'differs-2', attestation, provisioningStatus: 'disabled' },
      null,
    );
    const { code, stdout, stderr } = await dpsload(args, { env: env() });
    expect([code, stepsOf(stdout)]).toEqual([3, [['enroll', 3, '4 created, 1 exists-different']]]);
    expect(stderr).toContain('overwrite it with --update');
    const updated = await dpsload([...args, '--update'], { env: env() });
    expect(updated.code, updated.stderr).toBe(0);
    expect(stepsOf(updated.stdout)[0]).toEqual(['enroll', 0, '1 updated, 4 exists-same']);
  });

  it('stops where a hub refuses a device, and goes on when the hub knows it', async () => {
    const { args, out } = begin('refused', 5);
    const started = startDpsload(args, { env: env() });
    // As soon as the service has a record of it, long before the check.
    const hubOf = () =>
      [...emulator.records()].find(({ registrationId }) => registrationId === 'refused-3')?.assignedHub;
    while (hubOf() == null) await sleep(1);
    emulator.hubs.setStatus(hubOf() ?? '', 'refused-3', 'disabled');
    const { code, stdout, stderr } = await started.ended;
    expect([code, stepsOf(stdout).at(-1)]).toEqual([3, ['hub check', 3, '4 passed, 1 failed (connect, all devices)']]);
    expect(stderr).toContain('run/hub-checks.csv says what went wrong');
    emulator.hubs.setStatus(hubOf() ?? '', 'refused-3', 'enabled');
    const folder = onlyRunFolder(out);
    const resumed = await dpsload(['journey', '--resume', folder, '--quiet', '--json'], { env: env() });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(stepsOf(resumed.stdout).map(([step]) => step)).toEqual(['enroll', 'register', 'hub check', 'audit']);
  });

  it('finds a record that was deleted, then cleans up the rest', async () => {
    const { args, out } = begin('audited', 5);
    expect((await dpsload(args, { env: env() })).code).toBe(0);
    const folder = onlyRunFolder(out);
    await service.client.deleteRegistration('audited-1', null);
    const resume = ['journey', '--resume', folder, '--quiet', '--json', '--cleanup'];
    const refused = await dpsload(resume, { env: env() });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('Add --yes')]);
    const missing = await dpsload([...resume, '--yes'], { env: env() });
    expect([missing.code, stepsOf(missing.stdout).at(-1)]).toEqual([3, ['audit', 3, '4 records agree, 1 missing']]);
    expect(missing.stderr).toContain(`resume: dpsload journey --resume ${folder} --cleanup`);
    expect((await service.client.find('enrollments', 'audited-1'))?.registrationId).toBe('audited-1');
  });

  it('goes on after kills, with every device enrolled, assigned and audited once', async () => {
    const devices = 150;
    const { args, out } = begin('killed', devices);
    let command: readonly string[] = args;
    for (const afterMs of KILLS_MS) {
      const started = startDpsload(command, { env: env() });
      await Promise.race([sleep(afterMs), started.ended]);
      started.child.kill('SIGKILL');
      await started.ended;
      // Without one, it was killed before it had sent anything.
      const begun = begunUnder(out);
      if (begun !== null) command = ['journey', '--resume', begun, '--quiet', '--json'];
    }
    const { code, stdout, stderr } = await dpsload(command, { env: env() });
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as JourneyEnd).steps.map(({ isWhole }) => isWhole)).toEqual([true, true, true, true]);
    const rows = readResultRows(join(begunUnder(out) ?? '', 'run', 'audit.csv'));
    expect(rows.filter(({ verdict }) => verdict === 'agrees')).toHaveLength(devices);
  });
});
