import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type EmulatorProgram, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { fleetRunArgs, journalOf, untilJournal } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
});
afterAll(() => emulator.stop());

const LATE_EMULATOR = new URL('../support/preload/late-emulator.mjs', import.meta.url);
const FIVE_ASSIGNED = Array.from({ length: 5 }, () => 'assigned');

// They wait, mostly.
describe.concurrent('a run that must stop', () => {
  describe('Ctrl-C outside of the session', () => {
    it('ends a run whose target does not answer, and leaves nothing behind', async () => {
      const silent = createServer();
      silent.listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { args, out } = fleetRunArgs(folder, emulator, 'silent', 3, [
        '--port',
        String((silent.address() as AddressInfo).port),
      ]);
      const { child, ended } = startDpsload(args, { env: GROUP_KEY_ENV });
      await once(silent, 'connection');
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      silent.close();
      expect([code, stderr]).toEqual([
        130,
        expect.stringMatching(/^(?:\S+ {2}in flight at most .*\n)?interrupted before anything was registered\n$/),
      ]);
      expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
    });

    it('ends a run whose emulator is still starting, and leaves neither the emulator nor its keys behind', async () => {
      const { args, out } = fleetRunArgs(folder, emulator, 'starting', 3, []);
      const temporary = join(folder, 'starting-tmp');
      mkdirSync(temporary);
      const { child, ended } = startDpsload(['run', args[1] ?? '', '--emulator', '--out', out], {
        env: { ...GROUP_KEY_ENV, TMPDIR: temporary, NODE_OPTIONS: `--import ${LATE_EMULATOR.href}` },
      });
      // The folder is made just before the emulator's process.
      while (readdirSync(temporary).length === 0) await pauseMs(5);
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      expect([code, stderr]).toEqual([
        130,
        expect.stringMatching(/^(?:\S+ {2}in flight at most .*\n)?interrupted before anything was registered\n$/),
      ]);
      expect(readdirSync(temporary)).toEqual([]);
      expect(readdirSync(out)).toEqual([]);
    });

    it('ends a run that is writing its results at the second Ctrl-C; report makes them later', async () => {
      const { args, out } = fleetRunArgs(folder, emulator, 'stuck', 5, []);
      const program = startDpsload(args, { env: GROUP_KEY_ENV, preload: ['stuck-results.mjs'] });
      await program.until(({ stderr }) => stderr.includes('stuck'));
      program.child.kill('SIGINT');
      // Signals that arrive together may be heard by different threads, in any order.
      await program.until(({ stderr }) => stderr.includes('heard SIGINT'));
      program.child.kill('SIGTERM');
      const { code, stderr } = await program.ended;
      const run = onlyRunFolder(out);
      expect(code).toBe(143);
      expect(stderr).toContain(`the journal is intact: dpsload report ${run}`);
      expect(existsSync(join(run, 'registrations.csv'))).toBe(false);
      await expect(dpsload(['report', run])).resolves.toMatchObject({ code: 0 });
      expect(readResultRows(join(run, 'registrations.csv')).map((row) => row['result'])).toEqual(FIVE_ASSIGNED);
    });
  });

  describe('a fleet file that is cut off during the run', () => {
    it('ends it in order, and it goes on when the file is whole again', async () => {
      const rows = 600;
      const { args, out } = fleetRunArgs(folder, emulator, 'cut', rows, ['-r', '40/s', '-w', '1']);
      const fleet = args[1] ?? '';
      // Longer than what is read ahead.
      const whole = `registration_id,remark\n${Array.from({ length: rows }, (_, row) => `cut-${row},${'x'.repeat(1_000)}\n`).join('')}`;
      writeFileSync(fleet, whole);
      const { ended } = startDpsload(args, { env: GROUP_KEY_ENV });
      await untilJournal(out, ({ kind }) => kind === 'outcome', ended);
      truncateSync(fleet, Math.floor(whole.length / 2));
      const { code, stderr } = await ended;
      const run = onlyRunFolder(out);
      expect(code).toBe(1);
      expect(stderr).toContain(`dpsload resume ${run}`);
      expect(journalOf(out).at(-1)).toMatchObject({ kind: 'end', reason: 'failed' });
      const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as {
        readonly results: Readonly<Record<string, number>>;
      };
      // Nothing that was released is lost.
      expect(summary.results).toMatchObject({ unknown: 0, cancelled: 0 });
      writeFileSync(fleet, whole);
      const resumed = await dpsload(['resume', run, '-r', '400/s'], { env: GROUP_KEY_ENV });
      expect(resumed.code, resumed.stderr).toBe(0);
      const results = readResultRows(join(run, 'registrations.csv'));
      expect(results.filter((row) => row['result'] === 'assigned')).toHaveLength(rows);
      expect(results.filter((row) => row['possibly_twice'] === 'true')).toEqual([]);
    });
  });

  describe('an outage at the end of a round', () => {
    it('the next round does not begin before the devices that are held have ended', async () => {
      const own = await startEmulatorProgram(['--retry-after', '10'], GROUP_KEY_ENV);
      const { args, out } = fleetRunArgs(folder, own, 'rounds', 30, [
        ...['--rounds', '2', '-r', '40/s', '-w', '1', '--outage-max', '6s'],
        // More than a busy machine makes before it knows of the outage.
        ...['--attempts', '4'],
      ]);
      const { ended } = startDpsload(args, { env: GROUP_KEY_ENV });
      await untilJournal(out, ({ inFlight }) => inFlight === 30, ended);
      await own.stop();
      const { code } = await ended;
      expect(code).toBe(5);
      const journal = journalOf(out);
      expect(journal.at(-1)).toMatchObject({ kind: 'end', reason: 'outage' });
      expect(journal.filter(({ kind, round }) => kind === 'grant' && round === 2)).toEqual([]);
      // None has failed: they are left for a resumed run.
      const results = new Set(journal.flatMap(({ kind, result }) => (kind === 'outcome' ? [result] : [])));
      expect(results).not.toContain('disconnected');
      expect(results).not.toContain('timed-out');
    });
  });

  describe('a run that was killed while its results were written', () => {
    it('has them made by resume, with the exit code of the run', async () => {
      const { args, out } = fleetRunArgs(folder, emulator, 'unwritten', 5, ['--threshold', 'rate(assigned) < 50%']);
      const program = startDpsload(args, { env: GROUP_KEY_ENV, preload: ['stuck-results.mjs'] });
      await program.until(({ stderr }) => stderr.includes('stuck'));
      program.child.kill('SIGKILL');
      await program.ended;
      const run = onlyRunFolder(out);
      const { code, stdout, stderr } = await dpsload(['resume', run, '--json'], { env: GROUP_KEY_ENV });
      expect([code, stderr]).toEqual([99, expect.stringContaining('Nothing is left to do')]);
      expect(stdout).toBe(readFileSync(join(run, 'summary.json'), 'utf8'));
      expect(readResultRows(join(run, 'registrations.csv')).map((row) => row['result'])).toEqual(FIVE_ASSIGNED);
    });
  });
});
