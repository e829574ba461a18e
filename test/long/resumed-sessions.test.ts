import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder, readLines } from '../support/results.ts';
import { fleetRunArgs, resultsOf } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROWS = 60;

const folder = temporaryFolder();

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
});
afterAll(() => emulator.stop());

type Line = { readonly kind: string; readonly rowsMax?: number; readonly ratePerSecond?: number };
const journalOf = (run: string) => readLines<Line>(join(run, 'journal.ndjson'));
const outcomesIn = (run: string): number => journalOf(run).filter(({ kind }) => kind === 'outcome').length;
const countOf = (run: string, result: string): number =>
  resultsOf(run).filter((row) => row['result'] === result).length;
const resume = (run: string, ...options: string[]) => dpsload(['resume', run, ...options], { env: GROUP_KEY_ENV });

/** A run that `--limit` ended after four devices, resumed at a slow rate and stopped by `signal` when that has registered some. */
async function stoppedAgain(name: string, signal: 'SIGINT' | 'SIGKILL', ...options: string[]) {
  const { args, out } = fleetRunArgs(folder, emulator, name, ROWS, ['-w', '1', '--quiet', '-n', '4']);
  expect((await dpsload(args, { env: GROUP_KEY_ENV })).code).toBe(0);
  const run = onlyRunFolder(out);
  const { child, ended } = startDpsload(['resume', run, '-n', '50', '-r', '8/s', '--quiet', ...options], {
    env: GROUP_KEY_ENV,
  });
  while (outcomesIn(run) < 9) await pauseMs(100);
  child.kill(signal);
  return { run, ...(await ended) };
}

describe.concurrent('sessions after the first', () => {
  describe('a resumed session that is killed', () => {
    it('leaves no results that are no longer true, and is gone on with as it was told', async () => {
      const { run } = await stoppedAgain('kept', 'SIGKILL');
      expect(readdirSync(run).filter((name) => !name.startsWith('lock-'))).toEqual(['journal.ndjson', 'run.json']);
      expect((await dpsload(['report', run])).stdout).toMatch(
        /not finished \(still running, or killed\): \d+ of 60 devices assigned/,
      );
      const compared = await dpsload(['compare', run, run]);
      expect(compared.code).toBe(2);
      expect(compared.stderr).toContain(`if the run was killed, finish it with dpsload resume ${run}.`);
      const { code, stderr } = await resume(run, '--quiet');
      expect([code, stderr]).toEqual([0, expect.stringMatching(/^results: /)]);
      expect([countOf(run, 'assigned'), countOf(run, 'not-started')]).toEqual([50, 10]);
      const sessions = journalOf(run).filter(({ kind }) => kind === 'session');
      expect(sessions.map(({ rowsMax, ratePerSecond }) => [rowsMax, ratePerSecond])).toEqual([
        [4, undefined],
        [50, 8],
        [50, 8],
      ]);
    });

    it('has registered again what it perhaps sent, whatever the limit is now; but not by a journal that was emptied', async () => {
      const { run } = await stoppedAgain('lower', 'SIGKILL');
      const journal = join(run, 'journal.ndjson');
      const text = readFileSync(journal);
      truncateSync(journal);
      const refused = await resume(run);
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('the journal was truncated')]);
      writeFileSync(journal, text);
      const { code, stderr } = await resume(run, '-n', '2');
      expect(code).toBe(0);
      const [, left, perhapsSent] =
        /: (\d+) registrations are left; (\d+) of them (?:was|were) possibly sent/.exec(stderr) ?? [];
      expect([left, perhapsSent]).toEqual([expect.any(String), left]);
      expect([countOf(run, 'unknown'), countOf(run, 'not-started') >= 10]).toEqual([0, true]);
    });
  });

  describe('a resumed session that Ctrl-C stopped', () => {
    it('is gone on with by the command that it printed', async () => {
      const { run, code, stderr } = await stoppedAgain('again', 'SIGINT', '--retry-failed');
      expect([code, stderr]).toEqual([
        130,
        expect.stringContaining(`\nresume: dpsload resume ${run} --retry-failed\n`),
      ]);
      expect((await resume(run, '--retry-failed', '--quiet')).code).toBe(0);
      expect([countOf(run, 'assigned'), countOf(run, 'not-started')]).toEqual([50, 10]);
    });
  });
});
