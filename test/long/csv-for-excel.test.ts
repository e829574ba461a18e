import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { folderBytes, onlyRunFolder } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const fleet = join(root, 'fleet.csv');
writeFileSync(fleet, `registration_id,Note,=cmd\n-dev,=1+1,x\ndev-2,"a;b",x\nno id,-1,x\ndev-3,'=1,x\n`);
const TABLES = [
  'registrations.csv',
  'failures.csv',
  'not-registered.csv',
  'moves.csv',
  'wrong-hub.csv',
  'rejected-rows.csv',
];
/** Assigns at once: what devices wait for is not tested here. */
const EMULATOR = ['--emulator', '--emulator-config', 'scenarios/emulator/fast.yaml'];
const env = { DPSLOAD_THROW_AWAY: 'true' };
const SKIP = ['--on-bad-row', 'skip'];

async function begunRun(...flags: readonly string[]): Promise<string> {
  const out = mkdtempSync(join(root, 'out-'));
  const { code } = await dpsload(
    ['run', fleet, ...EMULATOR, ...SKIP, '--limit', '1', '--quiet', '--out', out, ...flags],
    { env },
  );
  expect(code).toBe(3);
  return onlyRunFolder(out);
}

function accountOf(folder: string): Summary['account'] {
  return (JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as Summary).account;
}

describe('the CSV files of a run for Excel', () => {
  it('are guarded, and each of them is taken back', { timeout: 90_000 }, async () => {
    const folder = await begunRun('--csv-for', 'excel-semicolon');
    for (const name of TABLES) {
      const text = readFileSync(join(folder, name), 'utf8');
      expect([name, text.startsWith('\uFEFF'), text.endsWith('\r\n')]).toEqual([name, true, true]);
      const fields = (parse(text, { bom: true, delimiter: ';' }) as string[][]).flat();
      expect(fields.filter((field) => /^[=+@-]/.test(field))).toEqual([]);
    }
    expect(readFileSync(join(folder, 'registrations.csv'), 'utf8')).toMatch(/^'-dev;.*;\d+(,\d+)?;.*'=1\+1;x\r$/m);
    expect((await dpsload(['report', folder, '--check'])).code).toBe(0);

    const list = join(folder, 'not-registered.csv');
    const only = mkdtempSync(join(root, 'out-'));
    const rest = ['--only', list, '--exclude', folder, '--out', only, '--quiet'];
    expect((await dpsload(['run', fleet, ...EMULATOR, ...SKIP, ...rest], { env })).code).toBe(3);
    expect(accountOf(onlyRunFolder(only))).toMatchObject({ fileRows: 4, assigned: 2, leftOut: 1, notSelected: 1 });

    const again = mkdtempSync(join(root, 'out-'));
    const refused = await dpsload(['run', list, ...EMULATOR, ...SKIP, '--out', again, '--quiet'], { env });
    expect(refused.code).toBe(3);
    expect(accountOf(onlyRunFolder(again))).toMatchObject({ fileRows: 3, assigned: 2, leftOut: 1 });
    const registrations = join(folder, 'registrations.csv');
    const all = await dpsload(
      ['run', registrations, ...EMULATOR, '--out', mkdtempSync(join(root, 'out-')), '--quiet'],
      { env },
    );
    expect(all.code).toBe(0);

    expect((await dpsload(['resume', folder, '--limit', '3', '--quiet'])).code).toBe(3);
    expect(accountOf(folder)).toMatchObject({ fileRows: 4, assigned: 3, leftOut: 1 });
    const files = folderBytes(folder);
    await dpsload(['report', folder]);
    expect(folderBytes(folder)).toEqual(files);
  });

  it('are made from a plain run and back, byte for byte', { timeout: 90_000 }, async () => {
    const folder = await begunRun();
    const plain = folderBytes(folder);
    const merged = mkdtempSync(join(root, 'merged-'));
    await dpsload(['report', folder, '--csv-for', 'excel', '--out', merged]);
    await dpsload(['report', folder, '--csv-for', 'excel']);
    const excel = folderBytes(folder);
    for (const name of TABLES) {
      expect([name, String(excel.get(name)).startsWith('\uFEFF')]).toEqual([name, true]);
      expect(folderBytes(merged).get(name)).toEqual(excel.get(name));
    }
    expect((await dpsload(['report', folder, '--check'])).code).toBe(0);
    expect((await dpsload(['resume', folder, '--limit', '1', '--csv-for', 'excel', '--quiet'])).code).toBe(3);
    await dpsload(['report', folder, '--csv-for', 'plain']);
    const back = folderBytes(folder);
    for (const name of TABLES) expect([name, back.get(name)]).toEqual([name, plain.get(name)]);
  });
});
