import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeHubRecord, type HubCheckRecord } from '../../src/journal/hub-check-record.ts';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload, startDpsload } from '../support/dpsload-program.ts';
import { emulatedInstance, GROUP_KEY, OTHER_KEY } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { onlyRunFolder, readLines, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const folder = temporaryFolder();
const env = { DPSLOAD_GROUP_KEY: GROUP_KEY };
let emulator: TestEmulator;
afterAll(() => emulator.close());

function fleetOf(name: string, rows: number): string {
  const file = join(folder, `${name}.csv`);
  writeFileSync(file, `registration_id\n${Array.from({ length: rows }, (_, row) => `${name}-${row}\n`).join('')}`);
  return file;
}

const runArgs = (fleet: string, ...options: readonly string[]): readonly string[] => [
  ...['run', fleet, ...targetArgs(emulator), '--out', `${fleet}-out`],
  ...['--hub-connect-to', `127.0.0.1:${emulator.hubPort}`, '--hub-check-share', 'all', ...options],
];

const checksOf = (json: string) => (JSON.parse(json) as Summary).hubCheck as NonNullable<Summary['hubCheck']>;

/** Checks that are on disk, whole lines only. */
function checksIn(out: string): readonly HubCheckRecord[] {
  const [run] = existsSync(out) ? readdirSync(out) : [];
  const file = join(out, run ?? '', 'hub-checks.ndjson');
  if (run === undefined || !existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => decodeHubRecord(JSON.parse(line))).filter((record) => record?.kind === 'hub-check');
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
};

describe('hubs that know a device late', () => {
  beforeAll(async () => {
    emulator = await startTestEmulator({ hubPort: 0, behavior: { hubIdentityDelayMs: 6_000 } });
  });

  it('refuse it until then, and every device passes', async () => {
    const { code, stdout } = await dpsload(runArgs(fleetOf('late', 30), '--hub-check', 'twin', '--json', '--quiet'), {
      env,
    });
    expect(code).toBe(0);
    expect(checksOf(stdout)).toMatchObject({ passed: 30, failed: 0 });
    expect(checksOf(stdout).attempts).toBeGreaterThan(45);
    await emulator.close();
  });
});

describe('a hub check that is killed, again and again', () => {
  beforeAll(async () => {
    emulator = await startTestEmulator({ hubPort: 0 });
  });

  it('goes on where it was: every device passes, and hardly one sends a second message', async () => {
    const devices = 200;
    const fleet = fleetOf('killed', devices);
    const out = `${fleet}-out`;
    const paced = { ...env, DPSLOAD_HUB_CONNECTIONS_PER_SECOND: '10' };
    let kills = 0;
    let program = startDpsload(runArgs(fleet, '--hub-check', 'telemetry', '--quiet'), { env: paced });
    for (const goal of [20, 50, 90, 130]) {
      await until(() => checksIn(out).length >= goal);
      program.child.kill('SIGKILL');
      await program.ended;
      kills += 1;
      program = startDpsload(['resume', onlyRunFolder(out), '--quiet', '--json'], { env: paced });
    }
    const { code, stdout } = await program.ended;
    expect(code).toBe(0);
    expect(checksOf(stdout)).toMatchObject({ passed: devices, failed: 0, left: 0 });
    const rows = readResultRows(join(onlyRunFolder(out), 'registrations.csv'));
    const messages = rows.map(
      (row) => emulator.hubs.device(row['assigned_hub'] ?? '', row['device_id'] ?? '')?.telemetry.messages ?? 0,
    );
    expect(Math.min(...messages)).toBe(1);
    const twice = messages.reduce((sum, count) => sum + count, 0) - devices;
    expect(twice).toBeLessThanOrEqual(kills * 5);
    const ids = checksIn(out).map(({ registrationId }) => registrationId);
    expect(new Set(ids).size).toBe(devices);
    expect(ids).toHaveLength(devices);
    expect(rows.every((row) => row['registers_sent'] === '1')).toBe(true);
  });

  it('that is stopped by Ctrl-C shows what it has, and how to continue', async () => {
    const fleet = fleetOf('stopped', 100);
    const program = startDpsload(runArgs(fleet, '--hub-check', 'connect'), {
      env: { ...env, DPSLOAD_HUB_CONNECTIONS_PER_SECOND: '5' },
    });
    await until(() => checksIn(`${fleet}-out`).length >= 10);
    program.child.kill('SIGINT');
    const { code, stdout, stderr } = await program.ended;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^hub check +\d+ of 100 devices connected to their hubs, \d+ not checked$/m);
    expect(stderr).toMatch(/^resume: dpsload resume /m);
    const resumed = await dpsload(['resume', onlyRunFolder(`${fleet}-out`), '--quiet', '--json'], { env });
    expect(resumed.code).toBe(0);
    expect(checksOf(resumed.stdout)).toMatchObject({ passed: 100, left: 0 });
    await emulator.close();
  });
});

describe('a key of another group', () => {
  beforeAll(async () => {
    emulator = await startTestEmulator({ hubPort: 0 });
  });

  it('is refused by the hubs, though the devices are registered', async () => {
    const fleet = fleetOf('other-key', 5);
    const quick = { DPSLOAD_HUB_IDENTITY_WAIT: '0s' };
    await dpsload(runArgs(fleet, '--hub-check', 'connect', '--quiet'), { env: { ...env, ...quick } });
    const run = onlyRunFolder(`${fleet}-out`);
    const { code, stdout } = await dpsload(['hub-check', run, '--hub-check', 'twin', '--json', '--quiet'], {
      env: { DPSLOAD_GROUP_KEY: OTHER_KEY },
    });
    expect(code).toBe(3);
    expect(checksOf(stdout)).toMatchObject({
      check: 'twin',
      passed: 0,
      failed: 5,
      errors: [{ code: 'hub-refused', count: 5 }],
    });
    await emulator.close();
  });
});

describe('hubs with faults', () => {
  const faults = [
    { id: 'faulty-0', kind: { kind: 'refuse-connect', returnCode: 5 }, result: 'hub-refused' },
    { id: 'faulty-1', kind: { kind: 'refuse-connect', returnCode: 3 }, result: 'hub-unavailable' },
    { id: 'faulty-2', kind: { kind: 'lose-connack' }, result: 'hub-late' },
    { id: 'faulty-3', kind: { kind: 'disconnect', when: 'before' }, result: 'hub-closed' },
  ] as const;

  beforeAll(async () => {
    const rules = faults.map(({ id, kind }) => faultRule(kind, { points: ['hub-connect'], registrationIds: id }));
    emulator = await startTestEmulator({ hubPort: 0, instances: [emulatedInstance()], faults: rules });
  });

  it('are told apart, device by device, and all others pass', async () => {
    const fleet = fleetOf('faulty', 20);
    const patience = { DPSLOAD_HUB_IDENTITY_WAIT: '0s', DPSLOAD_HUB_CONNECT_TIMEOUT: '1s', DPSLOAD_HUB_ATTEMPTS: '2' };
    const args = runArgs(fleet, '--hub-check', 'connect', '--json', '--quiet');
    const { code, stdout } = await dpsload(args, { env: { ...env, ...patience } });
    expect(code).toBe(3);
    expect(checksOf(stdout)).toMatchObject({ passed: 16, failed: 4 });
    const rows = readResultRows(join(onlyRunFolder(`${fleet}-out`), 'registrations.csv'));
    for (const { id, result } of faults) {
      expect(rows.find((row) => row['registration_id'] === id)?.['hub_check'], id).toBe(result);
    }
    const records = readLines<HubCheckRecord>(join(onlyRunFolder(`${fleet}-out`), 'hub-checks.ndjson'));
    expect(records.at(-1)?.kind).toBe('hub-end');
    await emulator.close();
  });
});

describe('devices with certificates', () => {
  it('prove themselves at the hubs of the embedded emulator by them', async () => {
    const fleet = fleetOf('certified', 12);
    const args = ['run', fleet, '--emulator', '--attestation', 'x509', '--out', `${fleet}-out`, '--json', '--quiet'];
    const { code, stdout, stderr } = await dpsload([...args, '--hub-check', 'telemetry', '--hub-check-share', 'all'], {
      env: { DPSLOAD_THROW_AWAY: 'true' },
    });
    expect(code, stderr).toBe(0);
    expect(checksOf(stdout)).toMatchObject({ passed: 12, failed: 0 });
  });
});

describe('a run on the embedded emulator that goes on', () => {
  it('checks the devices of each session while their hubs are there', async () => {
    const fleet = fleetOf('limited', 40);
    const args = [
      'run',
      fleet,
      '--emulator',
      '--out',
      `${fleet}-out`,
      '--hub-check',
      'connect',
      '--hub-check-share',
      'all',
    ];
    await dpsload([...args, '--limit', '15', '--quiet']);
    const run = onlyRunFolder(`${fleet}-out`);
    const refused = await dpsload(['hub-check', run]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('embedded emulator, whose hubs ended with it');
    const { code, stdout, stderr } = await dpsload(['resume', run, '--limit', '40', '--json', '--quiet']);
    expect(code, stderr).toBe(0);
    expect(checksOf(stdout)).toMatchObject({ devices: 40, sampled: 40, passed: 40, failed: 0, left: 0 });
    const again = await dpsload(['resume', run, '--json', '--quiet']);
    expect(again.code).toBe(0);
    expect(checksOf(again.stdout)).toMatchObject({ passed: 40, left: 0 });
  });
});
