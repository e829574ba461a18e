import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { onlyRunFolder, readLines, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'c2VjcmV0LW9mLXRoZS10ZXN0LWdyb3VwLWtleS0wMTIzNDU2Nzg5';
const env = { DPSLOAD_GROUP_KEY: KEY };

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

function fleetFile(name: string, rows: number): string {
  const ids = Array.from({ length: rows }, (_, row) => `${name}-${row}\n`).join('');
  writeFileSync(path(`${name}.csv`), `registration_id\n${ids}`);
  return path(`${name}.csv`);
}

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], env);
});
afterAll(() => emulator.stop());

const runArgs = (fleet: string, ...options: string[]): string[] => [
  ...['run', fleet, '--host', '127.0.0.1', '--port', String(emulator.port), '--id-scope', emulator.idScope],
  ...['--ca', emulator.caFile, '--quiet', '-w', '1', '--out', `${fleet}-out`, ...options],
];

const resultsOf = (run: string) => readResultRows(join(run, 'registrations.csv'));

/** A run of `rows` devices that `--limit` ended after the first `limit`. */
async function limitedRun(name: string, rows: number, limit: number) {
  const fleet = fleetFile(name, rows);
  const { code, stderr } = await dpsload(runArgs(fleet, '--limit', String(limit)), { env });
  expect(stderr).toMatch(/^results: /m);
  expect(stderr).toContain(`resume: dpsload resume ${onlyRunFolder(`${fleet}-out`)}, with a higher --limit\n`);
  expect(code).toBe(0);
  return { fleet, run: onlyRunFolder(`${fleet}-out`) };
}

describe('a run that was killed', () => {
  it('goes on in the same journal; every device is registered, and those that may be so twice are marked', async () => {
    const fleet = fleetFile('killed', 60);
    const { child, ended } = startDpsload(runArgs(fleet, '-r', '40/s', '--expect', 'new', '--max-surprises', '0'), {
      env,
    });
    const out = `${fleet}-out`;
    const outcomes = (): number => {
      try {
        return readFileSync(join(onlyRunFolder(out), 'journal.ndjson'), 'utf8').split('"kind":"outcome"').length - 1;
      } catch {
        return 0;
      }
    };
    while (outcomes() < 10) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGKILL');
    await ended;
    const refused = await dpsload(runArgs(fleet), { env });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`dpsload resume ${onlyRunFolder(out)}`);
    // What the environment says now does not aim it elsewhere.
    const aimed = { ...env, DPSLOAD_HOST: 'dps.example.invalid', DPSLOAD_ID_SCOPE: '0ne00000009' };
    const resumed = await dpsload(['resume', '--last', '--out', out, '--rate', '200/s'], { env: aimed });
    expect(resumed.stderr).toMatch(/^session 2 of the run: \d+ registrations are left; \d+ of them were perhaps sent/m);
    expect(resumed.code).toBe(0);
    const rows = resultsOf(onlyRunFolder(out));
    expect(rows.map((row) => row['result'])).toEqual(Array.from({ length: 60 }, () => 'assigned'));
    const again = rows.filter((row) => row['substatus'] !== 'initialAssignment');
    expect(again.every((row) => row['possibly_twice'] === 'true')).toBe(true);
    const journal = readLines<{ kind: string; session?: number }>(join(onlyRunFolder(out), 'journal.ndjson'));
    expect(journal.flatMap(({ kind, session }) => (kind === 'session' ? [session] : []))).toEqual([1, 2]);
    const nothing = await dpsload(['resume', onlyRunFolder(out)], { env });
    expect(nothing).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('nothing is left to do') });
  });
});

describe('a run that its limit ended', () => {
  it('goes on up to a higher one', async () => {
    const { run } = await limitedRun('limit', 12, 4);
    const same = await dpsload(['resume', run], { env });
    expect(same.stderr).toContain('nothing is left to do');
    const raised = await dpsload(['resume', run, '--limit', '9', '--quiet'], { env });
    expect(raised.code).toBe(0);
    expect(resultsOf(run).map((row) => row['result'])).toEqual([
      ...Array.from({ length: 9 }, () => 'assigned'),
      ...Array.from({ length: 3 }, () => 'not-started'),
    ]);
    expect(resultsOf(run).every((row) => row['possibly_twice'] === 'false')).toBe(true);
  });

  it('does not go on with a fleet whose rows were changed', async () => {
    const { fleet, run } = await limitedRun('changed', 6, 2);
    writeFileSync(fleet, readFileSync(fleet, 'utf8').replace('changed-5', 'changed-9'));
    const { code, stderr } = await dpsload(['resume', run, '--limit', '6'], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/changed\.csv: is no longer the fleet that the run began with/);
  });

  it.each([
    ['ignore', 6],
    ['register', 7],
  ])('goes on with a fleet with added rows as it is told: %s', async (addedRows, rows) => {
    const { fleet, run } = await limitedRun(`added-${addedRows}`, 6, 2);
    appendFileSync(fleet, 'added-later\n');
    const unsaid = await dpsload(['resume', run, '--limit', '100'], { env });
    expect(unsaid.code).toBe(2);
    expect(unsaid.stderr).toContain('--added-rows register');
    const said = await dpsload(['resume', run, '--limit', '100', '--added-rows', addedRows, '--quiet'], { env });
    expect(said.stderr).toMatch(/^results: /m);
    expect(said.code).toBe(0);
    expect(resultsOf(run).map((row) => row['result'])).toEqual(Array.from({ length: rows }, () => 'assigned'));
  });
});

describe('resume refuses', () => {
  it.each<[string, string[], RegExp]>([
    ['no run', [], /no run is named/],
    ['two runs', ['somewhere', '--last'], /beside --last/],
    ['a folder that is no run', [folder], /run\.json: is not there/],
    ['an out folder without runs', ['--last', '--out', folder], /there is no run in it/],
    ['another target', ['--last', '--host', 'dps.example.invalid'], /unknown option '--host'/],
    ['another fleet', ['somewhere', 'fleet.csv'], /too many arguments/],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await dpsload(['resume', ...args], { env });
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('a folder in which another dpsload is at work', async () => {
    const fleet = fleetFile('locked', 100);
    const { child, ended } = startDpsload(runArgs(fleet, '-r', '5/s'), { env });
    const journal = (): string => join(onlyRunFolder(`${fleet}-out`), 'journal.ndjson');
    const exists = (): boolean => {
      try {
        return readFileSync(journal(), 'utf8').includes('"kind":"grant"');
      } catch {
        return false;
      }
    };
    while (!exists()) await new Promise((resolve) => setTimeout(resolve, 20));
    const { code, stderr } = await dpsload(['resume', '--last', '--out', `${fleet}-out`], { env });
    expect(stderr).toContain(`another dpsload works in this folder: process ${child.pid} on `);
    expect(code).toBe(1);
    child.kill('SIGKILL');
    await ended;
  });
});
