import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY } from '../support/emulated-instance.ts';
import { onlyRunFolder, type ResultRow, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const folder = temporaryFolder();
const out = join(folder, 'out');
const env = { DPSLOAD_GROUP_KEY: GROUP_KEY };

let emulator: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator({ hubPort: 0 });
  const ids = Array.from({ length: 8 }, (_, row) => `dev-${row}\n`);
  writeFileSync(join(folder, 'fleet.csv'), `registration_id\n${ids.join('')}`);
});
afterAll(() => emulator.close());

const rowsOf = (run: string): readonly ResultRow[] => readResultRows(join(run, 'registrations.csv'));
const checksOf = ({ hubCheck }: Summary) => hubCheck as NonNullable<Summary['hubCheck']>;

/** One run, then what becomes of its devices at their hubs. */
describe('dpsload with the hubs of an emulator', () => {
  it('checks the devices of a run, in the same command', async () => {
    const args = [
      ...['run', join(folder, 'fleet.csv'), ...targetArgs(emulator), '--out', out, '--json', '-w', '1'],
      ...['--hub-check', 'telemetry', '--hub-check-share', '1%', '--hub-connect-to', `127.0.0.1:${emulator.hubPort}`],
    ];
    // A run of seconds cannot wait for a minute.
    const { code, stdout, stderr } = await dpsload(args, { env: { ...env, DPSLOAD_HUB_IDENTITY_WAIT: '0s' } });
    expect(code, stderr).toBe(0);
    const checks = checksOf(JSON.parse(stdout) as Summary);
    expect(checks).toMatchObject({ check: 'telemetry', devices: 8, failed: 0, left: 0, end: 'completed' });
    expect(checks.passed).toBe(checks.hubs.length);
    const passed = rowsOf(onlyRunFolder(out)).filter((row) => row['hub_check'] === 'passed');
    expect(passed).toHaveLength(checks.hubs.length);
    for (const { assigned_hub: hub = '', device_id: id = '' } of passed) {
      expect(emulator.hubs.device(hub, id)?.telemetry.messages).toBe(1);
    }
  });

  it('finds the devices that cannot use their hubs, and says why, without a second message of the others', async () => {
    const run = onlyRunFolder(out);
    const [disabled, removed, ...others] = rowsOf(run).filter((row) => row['hub_check'] === '');
    const place = (row: ResultRow | undefined): [string, string] => [
      row?.['assigned_hub'] ?? '',
      row?.['device_id'] ?? '',
    ];
    emulator.hubs.setStatus(...place(disabled), 'disabled');
    emulator.hubs.remove(...place(removed));
    writeFileSync(join(run, 'audit.csv'), 'registration_id\n');
    const { code, stdout, stderr } = await dpsload(['hub-check', run, '--hub-check-share', 'all', '--json'], {
      env,
    });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^hub check: 5 devices checked, 2 failed, 3 had passed before\.$/m);
    // The registrations are those of the audit.
    expect(existsSync(join(run, 'audit.csv'))).toBe(true);
    const failed = [disabled, removed].map((row) => row?.['registration_id']).sort();
    expect(checksOf(JSON.parse(stdout) as Summary)).toMatchObject({ sampled: 8, passed: 6, failed: 2, left: 0 });
    const rows = rowsOf(run);
    expect(rows.filter((row) => row['hub_check'] === 'hub-refused').map((row) => row['registration_id'])).toEqual(
      failed,
    );
    const listed = readResultRows(join(run, 'hub-checks.csv')).filter((row) => row['hub_check'] !== 'passed');
    expect(listed).toHaveLength(2);
    for (const row of listed)
      expect(row).toMatchObject({ attempts: '3', what_to_do: expect.stringContaining('az iot hub') });
    for (const row of others) expect(emulator.hubs.device(...place(row))?.telemetry.messages).toBe(1);
    expect(JSON.stringify(rows) + stdout).not.toContain('SharedAccessSignature');
  });
});
