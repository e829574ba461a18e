import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload, type EmulatorProgram, type Ended, startEmulatorProgram } from '../support/dpsload-program.ts';
import { folderBytes, onlyRunFolder } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = Buffer.alloc(32, 1).toString('base64');
const WRONG_KEY = Buffer.alloc(32, 2).toString('base64');

const root = temporaryFolder();

/** Devices of which the first `wrong` have a key that the service refuses. */
function fleetFile(name: string, devices: number, wrong: number): string {
  const rows = Array.from({ length: devices }, (_, row) => `dev-${row},${row < wrong ? WRONG_KEY : ''}`);
  writeFileSync(join(root, name), `registration_id,device_key\n${rows.join('\n')}\n`);
  return join(root, name);
}

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], { DPSLOAD_GROUP_KEY: KEY });
});
afterAll(() => emulator.stop());

async function runWith(name: string, fleet: string, args: readonly string[]): Promise<Ended & { folder: string }> {
  const out = join(root, name);
  const ended = await dpsload(['run', fleet, ...targetArgs(emulator), '--out', out, '-w', '1', '--quiet', ...args], {
    env: { DPSLOAD_GROUP_KEY: KEY },
  });
  return { ...ended, folder: onlyRunFolder(out) };
}

const flags = (...expressions: readonly string[]) => expressions.flatMap((each) => ['--threshold', each]);

// They wait, mostly.
describe.concurrent('thresholds of a run', () => {
  const fleet = fleetFile('two-wrong.csv', 40, 2);

  it('that hold make it a success, though some registrations failed', async () => {
    const run = await runWith('passed', fleet, ['--json', ...flags('count(failed) <= 2', 'rate(assigned) >= 95%')]);
    expect([run.code, run.stderr.includes('rror')]).toEqual([0, false]);
    const summary = JSON.parse(run.stdout) as Summary;
    expect(summary.thresholds).toEqual([
      {
        expression: 'count(failed) <= 2',
        quantity: 'number',
        observed: 2,
        passed: true,
        limited: false,
        withoutLoadGenerator: null,
      },
      {
        expression: 'rate(assigned) >= 95%',
        quantity: 'share',
        observed: 0.95,
        passed: true,
        limited: false,
        withoutLoadGenerator: null,
      },
    ]);
  });

  it('are all judged, said first, and make the exit code 99; report says the same', async () => {
    const run = await runWith('failed', fleet, flags('count(failed) == 0', 'throttles == 0', 'hubs > 7'));
    expect(run.code).toBe(99);
    expect(
      run.stdout
        .split('\n')
        // On a busy machine, the output also says what the load generator did to the figures.
        .filter((line) => /^(target|verdict|thresholds| {12}(passed|failed)) /.test(line))
        .slice(0, 6)
        .map((line) => line.trim()),
    ).toEqual([
      expect.stringMatching(/^target /),
      'verdict     38 of 40 devices assigned; 2 failed',
      'thresholds  2 of 3 failed',
      'failed  count(failed) == 0: observed 2',
      'passed  throttles == 0: observed 0',
      'failed  hubs > 7: observed 3',
    ]);
    const files = folderBytes(run.folder);
    const report = await dpsload(['report', run.folder]);
    expect([report.code, report.stdout]).toEqual([0, run.stdout]);
    expect(folderBytes(run.folder)).toEqual(files);
    const junit = await dpsload(['report', run.folder, '--format', 'junit']);
    expect(junit.stdout).toContain('tests="3" failures="2"');
  });

  it('with abort stop it, and make the exit code 99', async () => {
    const many = fleetFile('many.csv', 2_000, 5);
    const run = await runWith('aborted', many, ['-r', '100/s', ...flags('count(refused) == 0 abort')]);
    expect(run.code).toBe(99);
    expect(run.stdout).toMatch(/stopped \(threshold: count\(refused\) == 0 abort: observed \d+\)/);
    expect(run.stdout).toMatch(/^results .* not started$/m);
  });

  it('on rows left out stop it with abort', async () => {
    const bound = 'count(left_out) == 0';
    const many = fleetFile('one-bad.csv', 2_000, 0);
    appendFileSync(many, 'no id,\n');
    const args = ['-r', '100/s', '--on-bad-row', 'skip', ...flags(`${bound} abort`)];
    const run = await runWith('left-out', many, args);
    expect(run.code).toBe(99);
    expect(run.stdout).toContain(`stopped (threshold: ${bound} abort: observed 1)`);
    expect(run.stdout).toMatch(/^results .* not started$/m);
  });

  it('that cannot be read end it before it begins', async () => {
    const run = await dpsload(['run', fleet, '--emulator', '--out', join(root, 'none'), ...flags('p95(servce) < 3s')]);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('  p95(servce) < 3s\n      ^ not a valid time. Write service.');
  });
});
