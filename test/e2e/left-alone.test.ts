import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmulatorProgram, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder } from '../support/results.ts';
import { fleetRunArgs, journalOf, resultsOf, untilJournal } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { HAS_TMUX, TmuxTerminal } from '../support/tmux.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const folder = temporaryFolder();

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
});
afterAll(() => emulator.stop());

const runArgs = (name: string, rows: number, ...options: string[]) =>
  fleetRunArgs(folder, emulator, name, rows, ['-w', '1', ...options]);

const assignedIn = (out: string): number =>
  resultsOf(onlyRunFolder(out)).filter((row) => row['result'] === 'assigned').length;

// They wait, mostly.
describe.concurrent('a run that is left alone', () => {
  describe('the reader of its output goes away', () => {
    it('of stderr: the run goes on, and ends as it would', async () => {
      const { args, out } = runArgs('no-log', 20);
      const { child, ended } = startDpsload(args, { env: GROUP_KEY_ENV });
      child.stderr?.destroy();
      expect((await ended).code).toBe(0);
      expect(assignedIn(out)).toBe(20);
    });

    it('of stdout: what fails still fails', async () => {
      const { args } = runArgs('no-summary', 5, '--threshold', 'count(failed) > 0');
      const { child, ended } = startDpsload(args, { env: GROUP_KEY_ENV });
      child.stdout?.destroy();
      expect((await ended).code).toBe(99);
    });

    it('names stdout when the disk behind it is full', () => {
      const shell = `"${process.execPath}" "${MAIN}" scenario list > /dev/full`;
      const { status, stderr } = spawnSync('sh', ['-c', shell], { encoding: 'utf8' });
      expect([status, stderr.split('(')[0]]).toEqual([1, 'stdout cannot be written ']);
    });
  });

  describe('a hang-up', () => {
    it('is nothing to a run that was never at a terminal', async () => {
      const { args, out } = runArgs('nohup', 60, '-r', '40/s');
      const { child, ended } = startDpsload(args, { env: GROUP_KEY_ENV });
      await untilJournal(out, ({ kind }) => kind === 'outcome', ended);
      child.kill('SIGHUP');
      expect((await ended).code).toBe(0);
      expect(assignedIn(out)).toBe(60);
    });

    it.skipIf(!HAS_TMUX)('that closes the terminal ends it in order (needs tmux)', async () => {
      const { args, out } = runArgs('closed', 2_000, '-r', '40/s');
      const exitFile = join(folder, 'closed-exit-code');
      // A shell that does nothing about the hang-up outlives the program and says how it ended.
      const shell = 'trap : HUP; "$@"; echo $? > "$0"';
      const command = ['sh', '-c', shell, exitFile, process.execPath, MAIN, ...args];
      const terminal = new TmuxTerminal(100, 30, command, GROUP_KEY_ENV);
      while (!journalOf(out).some(({ kind }) => kind === 'outcome')) await pauseMs(100);
      terminal.close();
      while (!existsSync(exitFile) || readFileSync(exitFile, 'utf8') === '') await pauseMs(100);
      expect(readFileSync(exitFile, 'utf8')).toBe(`${128 + constants.signals.SIGHUP}\n`);
      expect(journalOf(out).at(-1)).toMatchObject({ reason: 'terminated' });
    });
  });
});
