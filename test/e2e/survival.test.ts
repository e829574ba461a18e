import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startEmulatorProgram } from '../support/dpsload-program.ts';
import { onlyRunFolder, type ResultRow, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'c2VjcmV0LW9mLXRoZS10ZXN0LWdyb3VwLWtleS0wMTIzNDU2Nzg5';
const env = { DPSLOAD_GROUP_KEY: KEY };

const folder = temporaryFolder();

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0', '--records', join(folder, 'records.ndjson')], env);
});
afterAll(() => emulator.stop());

/** A run of a fleet of its own against the emulator. */
function runArgs(name: string, rows: number, ...options: string[]): { readonly args: string[]; readonly out: string } {
  const fleet = join(folder, `${name}.csv`);
  const out = join(folder, `${name}-out`);
  const ids = Array.from({ length: rows }, (_, row) => `${name}-${row}\n`).join('');
  writeFileSync(fleet, `registration_id\n${ids}`);
  const target = ['--host', '127.0.0.1', '--port', String(emulator.port), '--id-scope', emulator.idScope];
  return { args: ['run', fleet, ...target, '--ca', emulator.caFile, '--out', out, ...options], out };
}

const withResult = (rows: readonly ResultRow[], result: string): number =>
  rows.filter((row) => row['result'] === result).length;

const isAgainUnmarked = (row: ResultRow): boolean =>
  row['substatus'] !== 'initialAssignment' && row['possibly_twice'] !== 'true';

const resultsOf = (run: string) => readResultRows(join(run, 'registrations.csv'));

describe('a worker thread', () => {
  it('that dies is replaced; what it held is registered again, and marked', async () => {
    const { args, out } = runArgs('lost', 80, '-r', '40/s', '-w', '1', '--expect', 'new', '--max-surprises', '0');
    const { code, stderr } = await dpsload(args, { env, preload: ['worker-fault.mjs?fault=throw&connections=30'] });
    const [, held = '-1'] =
      /worker 1 is lost \(.*\) with (\d+) registrations that were perhaps sent/.exec(stderr) ?? [];
    expect(stderr).toContain('a new one makes them again, and they are marked possibly_twice');
    expect(code).toBe(0);
    const rows = resultsOf(onlyRunFolder(out));
    expect(withResult(rows, 'assigned')).toBe(80);
    expect(rows.filter((row) => row['possibly_twice'] === 'true')).toHaveLength(Number(held));
    expect(Number(held)).toBeGreaterThan(0);
    expect(rows.filter(isAgainUnmarked)).toEqual([]);
  });
});

describe('a disk that is full', () => {
  it('stops launching at once and says what is safe; with room again the run goes on', async () => {
    const { args, out } = runArgs('full', 80, '-r', '60/s');
    const full = await dpsload(args, { env, preload: ['full-disk.mjs?bytes=20000'] });
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(
      /journal\.ndjson: the journal cannot be written \(ENOSPC.*the \d+ records synced before are safe, and nothing is sent whose grant is not among them/,
    );
    expect(full.stderr).not.toMatch(/\n +at /);
    const run = onlyRunFolder(out);
    expect(readFileSync(join(run, 'journal.ndjson'))).toHaveLength(20_000);
    const resumed = await dpsload(['resume', run, '--quiet'], { env });
    expect(resumed.stderr).not.toMatch(/error|cannot/);
    expect(resumed.code).toBe(0);
    const rows = resultsOf(run);
    expect(withResult(rows, 'assigned')).toBe(80);
    expect(rows.filter(isAgainUnmarked)).toEqual([]);
  });

  it('before anything was sent leaves nothing that would have to be resumed', async () => {
    const { args } = runArgs('full-early', 5);
    const { code, stderr } = await dpsload(args, { env, preload: ['full-disk.mjs?bytes=0'] });
    expect(code).toBe(1);
    expect(stderr).toMatch(/the 0 records synced before are safe/);
  });
});

describe('a journal', () => {
  it('that is damaged in its middle is not gone on with, and the place is told', async () => {
    const { args, out } = runArgs('damaged', 4, '--quiet', '-n', '2');
    expect((await dpsload(args, { env })).code).toBe(0);
    const run = onlyRunFolder(out);
    const journal = join(run, 'journal.ndjson');
    const text = readFileSync(journal, 'utf8');
    const offset = text.indexOf('\n') + 1;
    writeFileSync(journal, `${text.slice(0, offset)}x${text.slice(offset + 1)}`);
    const { code, stderr } = await dpsload(['resume', run], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(`:2: the line at byte ${offset} is no JSON`);
    expect(readFileSync(journal, 'utf8')).toHaveLength(text.length);
  });
});
