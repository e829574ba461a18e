import { setTimeout as pauseMs } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busiestWindow } from '../support/busiest-window.ts';
import { dpsload, type EmulatorProgram, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder, type ResultRow } from '../support/results.ts';
import { fleetRunArgs, isAgainUnmarked, resultsOf, untilOutcomes } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
});
afterAll(() => emulator.stop());

const runArgs = (name: string, rows: number, ...options: string[]) =>
  fleetRunArgs(folder, emulator, name, rows, ['--expect', 'new', '--max-surprises', '0', ...options]);

const marked = (rows: readonly ResultRow[]) => rows.filter((row) => row['possibly_twice'] === 'true');

describe('a worker thread that hangs', () => {
  it('is ended after 30 s; what it held is made again, marked, and as late as it is', async () => {
    const { args, out } = runArgs('hung', 2_000, '-r', '40/s', '-w', '2');
    const hung = await dpsload(args, { env: GROUP_KEY_ENV, preload: ['worker-fault.mjs?fault=hang&connections=100'] });
    const [, held = '-1'] =
      /Worker [12] was lost \(silent for 30 s\); (\d+) registrations? may have been sent\./.exec(hung.stderr) ?? [];
    expect(hung.code).toBe(0);
    const rows = resultsOf(onlyRunFolder(out));
    expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
    expect(marked(rows)).toHaveLength(Number(held));
    expect(Number(held)).toBeGreaterThan(0);
    expect(rows.filter(isAgainUnmarked)).toEqual([]);
    // Their response time counts from the start that was meant for the first time.
    const waits = marked(rows).map((row) => Number(row['response_ms']));
    expect(Math.max(...waits)).toBeGreaterThan(27_000);
    expect(Math.min(...waits)).toBeGreaterThan(1_000);
  });
});

describe('worker threads that die one after the other', () => {
  it('end the run at the sixth, and it can be gone on with', async () => {
    const { args, out } = runArgs('dying', 300, '-r', '60/s', '-w', '1');
    const dying = await dpsload(args, {
      env: GROUP_KEY_ENV,
      preload: ['worker-fault.mjs?fault=throw&connections=20&threads=6'],
    });
    expect(dying.code).toBe(1);
    expect(dying.stderr.match(/They are registered again/g)).toHaveLength(5);
    expect(dying.stderr).toMatch(/after several other losses/);
    const run = onlyRunFolder(out);
    expect(resultsOf(run).filter((row) => row['result'] === 'unknown').length).toBeGreaterThan(0);
    const resumed = await dpsload(['resume', run, '--quiet'], { env: GROUP_KEY_ENV });
    expect(resumed.code).toBe(0);
    const rows = resultsOf(run);
    expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
    expect(rows.filter(isAgainUnmarked)).toEqual([]);
  });
});

describe('a process that stands still', () => {
  /** The program looks at the time so often, and takes the last look for what it did itself. */
  const LOOK_MS = 200;
  /** Of a duration in tenths of a second. */
  const ROUNDING_MS = 50;

  it('goes on at its pace, launches no backlog, and counts as held what it held', async () => {
    const { args, out } = runArgs('still', 240, '-r', '40/s', '-w', '1');
    const { child, ended, until } = startDpsload(args, { env: GROUP_KEY_ENV });
    await untilOutcomes(out, 30);
    const beforeMs = performance.now();
    child.kill('SIGSTOP');
    const stoppedMs = performance.now();
    await pauseMs(4_000);
    const leastMs = performance.now() - stoppedMs;
    child.kill('SIGCONT');
    const SUSPENDED =
      /This process was suspended for ([\d.]+) s\. The schedule resumes from now; the gap counts as held\./;
    await until((printed) => SUSPENDED.test(printed.stderr));
    // A busy machine stops it for longer, and lets it go on later.
    const mostMs = performance.now() - beforeMs;
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    const suspendedMs = Number(SUSPENDED.exec(stderr)?.[1]) * 1_000;
    expect(suspendedMs).toBeGreaterThan(leastMs - LOOK_MS - ROUNDING_MS);
    expect(suspendedMs).toBeLessThan(mostMs + ROUNDING_MS);
    const rows = resultsOf(onlyRunFolder(out));
    expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
    expect(rows).toHaveLength(240);
    // Those that were released and waited for their moment: at most a second's.
    const held = rows.map((row) => Number(row['held_ms'])).filter((heldMs) => heldMs > 0);
    expect(held.length).toBeGreaterThan(0);
    expect(held.length).toBeLessThanOrEqual(60);
    expect(Math.min(...held)).toBeGreaterThan(leastMs - 500);
    expect(Math.max(...held)).toBeLessThan(mostMs + 500);
    // Caught up, four seconds of launches would be in one.
    const startedAtMs = rows.map((row) => Date.parse(row['started_at'] ?? '')).sort((a, b) => a - b);
    expect(busiestWindow(startedAtMs, 500)).toBeLessThan(60);
  });
});
