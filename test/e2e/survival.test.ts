import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder, type ResultRow } from '../support/results.ts';
import { fleetRunArgs, isAgainUnmarked, resultsOf, untilOutcomes } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(
    ['--retry-after', '0', '--records', join(folder, 'records.ndjson')],
    GROUP_KEY_ENV,
  );
});
afterAll(() => emulator.stop());

const runArgs = (name: string, rows: number, ...options: string[]) =>
  fleetRunArgs(folder, emulator, name, rows, options);

const withResult = (rows: readonly ResultRow[], result: string): number =>
  rows.filter((row) => row['result'] === result).length;

// They wait, mostly.
describe.concurrent('a worker thread', () => {
  it('that dies is replaced; what it held is registered again, and marked', async () => {
    const { args, out } = runArgs('lost', 80, '-r', '40/s', '-w', '1', '--expect', 'new', '--max-surprises', '0');
    const { code, stderr } = await dpsload(args, {
      env: GROUP_KEY_ENV,
      preload: ['worker-fault.mjs?fault=throw&connections=30'],
    });
    const [, held = '-1'] = /Worker 1 was lost \(.*\); (\d+) registrations? may have been sent/.exec(stderr) ?? [];
    expect(stderr).toContain('They are registered again; the results mark them possibly_twice');
    expect(code).toBe(0);
    const rows = resultsOf(onlyRunFolder(out));
    expect(withResult(rows, 'assigned')).toBe(80);
    expect(rows.filter((row) => row['possibly_twice'] === 'true')).toHaveLength(Number(held));
    expect(Number(held)).toBeGreaterThan(0);
    expect(rows.filter(isAgainUnmarked)).toEqual([]);
  });
});

describe.concurrent('a run that Ctrl-C stopped', () => {
  it('is gone on with by the command that it printed, and registers nobody twice', async () => {
    // Ten seconds: a busy machine has stopped it by then.
    const { args, out } = runArgs('stopped', 300, '-r', '30/s', '-w', '1', '--expect', 'new', '--max-surprises', '0');
    const { child, ended } = startDpsload(args, { env: GROUP_KEY_ENV });
    await untilOutcomes(out, 10);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    const [, command = ''] = /resume: dpsload (resume .*)\n/.exec(stderr) ?? [];
    const resumed = await dpsload([...command.split(' '), '--rate', '300/s'], { env: GROUP_KEY_ENV });
    expect(resumed.stderr).not.toContain('possibly sent');
    expect(resumed.code).toBe(0);
    const rows = resultsOf(onlyRunFolder(out));
    expect(rows.map((row) => [row['result'], row['substatus'], row['possibly_twice']])).toEqual(
      Array.from({ length: 300 }, () => ['assigned', 'initialAssignment', 'false']),
    );
  });
});

describe.concurrent('a disk that is full', () => {
  it('stops launching at once and says what is safe; with room again the run goes on', async () => {
    const { args, out } = runArgs('full', 80, '-r', '60/s');
    const full = await dpsload(args, { env: GROUP_KEY_ENV, preload: ['full-disk.mjs?bytes=20000'] });
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(
      /journal\.ndjson: the journal cannot be written \(ENOSPC.*the records synced so far \(\d+\) are safe, and nothing is sent without a synced grant/,
    );
    expect(full.stderr).not.toMatch(/\n +at /);
    const run = onlyRunFolder(out);
    expect(readFileSync(join(run, 'journal.ndjson'))).toHaveLength(20_000);
    const resumed = await dpsload(['resume', run, '--quiet'], { env: GROUP_KEY_ENV });
    expect(resumed.stderr).not.toMatch(/error|cannot/);
    expect(resumed.code).toBe(0);
    const rows = resultsOf(run);
    expect(withResult(rows, 'assigned')).toBe(80);
    expect(rows.filter(isAgainUnmarked)).toEqual([]);
  });

  it('before anything was sent leaves nothing that would have to be resumed', async () => {
    const { args } = runArgs('full-early', 5);
    const { code, stderr } = await dpsload(args, { env: GROUP_KEY_ENV, preload: ['full-disk.mjs?bytes=0'] });
    expect(code).toBe(1);
    expect(stderr).toMatch(/the records synced so far \(0\) are safe/);
  });
});

describe.concurrent('a journal', () => {
  it('that is damaged in the middle is not resumed, and the error names the place', async () => {
    const { args, out } = runArgs('damaged', 4, '--quiet', '-n', '2');
    expect((await dpsload(args, { env: GROUP_KEY_ENV })).code).toBe(0);
    const run = onlyRunFolder(out);
    const journal = join(run, 'journal.ndjson');
    const text = readFileSync(journal, 'utf8');
    const offset = text.indexOf('\n') + 1;
    // With it, the error only says that the journal was changed.
    rmSync(join(run, 'SHA256SUMS'));
    writeFileSync(journal, `${text.slice(0, offset)}x${text.slice(offset + 1)}`);
    const { code, stderr } = await dpsload(['resume', run], { env: GROUP_KEY_ENV });
    expect(code).toBe(1);
    expect(stderr).toContain(`:2: the line at byte ${offset} is not JSON`);
    expect(readFileSync(journal, 'utf8')).toHaveLength(text.length);
  });
});
