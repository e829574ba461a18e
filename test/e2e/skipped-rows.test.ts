import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { folderBytes, onlyRunFolder, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Assigns at once: what devices wait for is not tested here. */
const EMULATOR = ['--emulator', '--emulator-config', 'scenarios/emulator/fast.yaml'];
const env = { DPSLOAD_THROW_AWAY: 'true' };

const root = temporaryFolder();
const fleet = join(root, 'fleet.csv');
/** Five that can be used, in front of them and between them six that cannot. */
writeFileSync(
  fleet,
  'registration_id,Site\ntwice,a\ndev-1,a\nno id,a\ndev-2,a,b\ndev-3,a\ndev-4,a\nTwice,b\nx y,\ndev-5,b\ndev-6,b\n"z,z",a\n',
);

describe('a fleet with rows that cannot be used', () => {
  it('is registered without them with --on-bad-row skip, which names lines and reasons', async () => {
    const out = mkdtempSync(join(root, 'out-'));
    const skip = ['--on-bad-row', 'skip', '--limit', '3', '--quiet'];
    const { code, stderr } = await dpsload(['run', fleet, ...EMULATOR, '--out', out, ...skip], { env });
    expect(stderr).toContain(`warning: ${fleet}: 6 rows skipped`);
    expect(code).toBe(3);
    const folder = onlyRunFolder(out);
    expect(readResultRows(join(folder, 'rejected-rows.csv')).map(({ line }) => line)).toEqual([
      '2',
      '4',
      '5',
      '8',
      '9',
      '12',
    ]);
    expect(
      readResultRows(join(folder, 'rejected-rows.csv')).map((row) => [
        row['registration_id'],
        row['twin_line'],
        row['Site'],
      ]),
    ).toEqual([
      ['twice', '8', 'a'],
      ['no id', '', 'a'],
      ['dev-2', '', 'a'],
      ['Twice', '2', 'b'],
      ['x y', '', ''],
      ['z,z', '', 'a'],
    ]);
    expect(
      readResultRows(join(folder, 'not-registered.csv')).map((row) => [
        row['registration_id'],
        row['state'],
        row['Site'],
      ]),
    ).toEqual([
      ['dev-5', 'not-selected', 'b'],
      ['dev-6', 'not-selected', 'b'],
      ['twice', 'left-out', 'a'],
      ['no id', 'left-out', 'a'],
      ['dev-2', 'left-out', 'a'],
      ['Twice', 'left-out', 'b'],
      ['x y', 'left-out', ''],
      ['z,z', 'left-out', 'a'],
    ]);
    expect(statSync(join(folder, 'rejected-rows.csv')).mode & 0o777).toBe(0o600);
    // Also rows that were never sent are named rightly, since the same ones are left out when the fleet is read again.
    expect(
      readResultRows(join(folder, 'registrations.csv')).map((row) => [
        row['registration_id'],
        row['result'],
        row['Site'],
      ]),
    ).toEqual([
      ['dev-1', 'assigned', 'a'],
      ['dev-3', 'assigned', 'a'],
      ['dev-4', 'assigned', 'a'],
      ['dev-5', 'not-started', 'b'],
      ['dev-6', 'not-started', 'b'],
    ]);
    const files = folderBytes(folder);
    const summary = JSON.parse(String(files.get('summary.json'))) as Summary;
    expect(summary.fleet).toMatchObject({ rows: 5, rejectedRows: 6 });
    expect(summary.files).toContainEqual({
      name: 'rejected-rows.csv',
      sha256: createHash('sha256')
        .update(files.get('rejected-rows.csv') as Buffer)
        .digest('hex'),
    });
    await dpsload(['report', folder]);
    expect(folderBytes(folder)).toEqual(files);
    const merged = join(root, 'merged');
    await dpsload(['report', folder, '--out', merged]);
    expect(folderBytes(merged).get('registrations.csv')).toEqual(files.get('registrations.csv'));
    expect(folderBytes(merged).get('rejected-rows.csv')).toEqual(files.get('rejected-rows.csv'));
  });

  it('is refused by default, with every reason', async () => {
    const { code, stderr } = await dpsload(['run', fleet, '--emulator', '--out', join(root, 'none')]);
    expect(code).toBe(2);
    for (const line of [5, 8, 12]) expect(stderr).toContain(`fleet.csv:${line}: `);
    expect(stderr).toContain('fleet.csv: lines 4 and 9: registration_id contains " "');
  });
});

describe('a fleet with rows that are exact copies', () => {
  const copied = join(root, 'copied.csv');
  writeFileSync(copied, 'registration_id,Site\ndev-1,a\ndev-2,a\ndev-1,a\ndev-3,b\n');
  const list = join(root, 'copied-only.csv');
  writeFileSync(list, 'registration_id\ndev-1\n');
  const KEEP = ['--exact-duplicates', 'keep-first'];

  it('registers the first of them with --exact-duplicates keep-first, and leaves out the others by name', async () => {
    const out = mkdtempSync(join(root, 'out-'));
    const run = ['run', copied, ...EMULATOR, '--quiet', ...KEEP, '--out', out];
    expect((await dpsload([...run, '--limit', '2'], { env })).code).toBe(3);
    const folder = onlyRunFolder(out);
    expect(readResultRows(join(folder, 'rejected-rows.csv'))).toEqual([
      expect.objectContaining({
        ...{ line: '4', twin_line: '2', kept_line: '2', Site: 'a' },
        reason: 'exact copy of line 2, which is kept',
      }),
    ]);
    const { code } = await dpsload(['resume', folder, '--limit', '3', '--quiet']);
    expect(code).toBe(3);
    const summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as Summary;
    expect(summary.account).toMatchObject({ fileRows: 4, assigned: 3, leftOut: 1, notSelected: 0 });
    expect(summary.verdict).toBe('part-assigned');
    expect(
      readResultRows(join(folder, 'not-registered.csv')).map((row) => [row['registration_id'], row['state']]),
    ).toEqual([['', 'left-out']]);
  });

  it('is checked, rehearsed and selected from like any other, and bounded by count(left_out)', async () => {
    const target = [copied, ...EMULATOR, ...KEEP];
    const check = await dpsload(['check', ...target], { env });
    expect([check.code, check.stdout]).toEqual([0, expect.stringContaining('3 rows usable, 1 rejected')]);
    expect((await dpsload(['run', ...target, '--dry-run'], { env })).code).toBe(0);
    const out = ['--out', mkdtempSync(join(root, 'out-'))];
    const only = await dpsload(['run', ...target, ...out, '--only', list, '--threshold', 'count(left_out) <= 1'], {
      env,
    });
    expect(only.code).toBe(0);
    expect(only.stderr).not.toContain('left out as unusable or duplicate');
  });

  it('is refused by default, which names the option', async () => {
    const { code, stderr } = await dpsload(['run', copied, '--emulator', '--out', join(root, 'none')]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--exact-duplicates keep-first')]);
  });
});

describe('a fleet as factories write it', () => {
  it('is registered whole, and its results are UTF-8', async () => {
    const file = join(root, 'factory.csv');
    writeFileSync(
      file,
      Buffer.from('registration_id;Kunde\r\ndev-1;M\xfcller\r\ndev-2;Meier\r\ndev-3;Wei\xdf\r\n', 'latin1'),
    );
    const out = mkdtempSync(join(root, 'out-'));
    const { code, stderr } = await dpsload(['run', file, ...EMULATOR, '--out', out, '--limit', '2', '--quiet'], {
      env,
    });
    expect(stderr).toContain('2 rows have text in column "Kunde" that is not UTF-8; it is read as Windows-1252');
    expect(code).toBe(0);
    const folder = onlyRunFolder(out);
    const { scenario, settings } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'));
    expect([scenario.fleet.delimiter, settings.fleet.delimiter]).toEqual([';', ';']);
    expect((await dpsload(['resume', folder, '--limit', '3', '--quiet'])).code).toBe(0);
    const rows = readResultRows(join(folder, 'registrations.csv'));
    expect(rows.map(({ result, Kunde }) => [result, Kunde])).toEqual([
      ['assigned', 'Müller'],
      ['assigned', 'Meier'],
      ['assigned', 'Weiß'],
    ]);
  });
});
