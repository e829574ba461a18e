import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Started, startDpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY } from '../support/group-key.ts';
import { descendantsOf, type SeenProcess, untilGone } from '../support/process-tree.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { untilJournal } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROWS = 40;
/** Emulator, keeper, redis-server and two agents. */
const PROCESSES = 5;
const HUBS: Readonly<Record<string, string>> = {
  europe: 'hub-west-europe.azure-devices.net',
  america: 'hub-east-us.azure-devices.net',
};

const folder = temporaryFolder();

type LocalRun = Started & { readonly out: string; readonly temporary: string };

/** A run of the bundled scenario with its own folder for temporary files. */
function startRun(...args: readonly string[]): LocalRun {
  const out = mkdtempSync(join(folder, 'out-'));
  const temporary = mkdtempSync(join(folder, 'tmp-'));
  const options = ['-s', '@two-regions', '-n', String(ROWS), '--workers', '2', '--threshold', 'count(failed) == 0'];
  const env = { TMPDIR: temporary, DPSLOAD_GROUP_KEY: GROUP_KEY };
  return { ...startDpsload(['run', ...options, '--out', out, ...args], { env }), out, temporary };
}

async function untilThere({ child }: LocalRun, isThere: (seen: readonly SeenProcess[]) => boolean) {
  for (;;) {
    const seen = descendantsOf(child.pid ?? 0);
    if (isThere(seen)) return seen;
    await pauseMs(20);
  }
}

const isAgent = ({ command }: SeenProcess): boolean => command.includes(' agent --name=local-');

/** Until its program runs, a new process has none, or that of its parent. */
const untilAllThere = (run: LocalRun): Promise<readonly SeenProcess[]> =>
  untilThere(
    run,
    (seen) =>
      seen.length === PROCESSES && seen.every(({ command }) => command !== '') && seen.filter(isAgent).length === 2,
  );

const untilRegistering = ({ out, ended }: LocalRun) => untilJournal(out, ({ kind }) => kind === 'outcome', ended);

const SLOWLY = ['-r', '4/s', '-c', '20'];

describe.skipIf(!HAS_REDIS).concurrent('a run with agents of this machine (needs redis-server)', () => {
  it('registers each device from its region, shows no secret to others, and leaves nothing behind', async () => {
    const run = startRun('-r', '20/s');
    const seen = await untilAllThere(run);
    const agent = seen.find(({ command }) => command.includes(' agent --name=local-1 '));
    const environment = readFileSync(`/proc/${agent?.pid}/environ`, 'utf8');
    const password = /DPSLOAD_REDIS=redis:\/\/:([\w-]{32})@127\.0\.0\.1:/.exec(environment)?.[1] ?? '';
    expect(password).not.toBe('');
    const commands = seen.map(({ command }) => command).join('\n');
    expect(commands).not.toContain(password);
    expect(commands).not.toContain(GROUP_KEY);
    expect(commands).toContain(' --label=region=america --allow-target=127.0.0.1:');

    expect(await run.ended).toMatchObject({ code: 0 });
    await untilGone(seen, 1_000);
    expect(readdirSync(run.temporary)).toEqual([]);
    const rows = readResultRows(join(onlyRunFolder(run.out), 'registrations.csv')).slice(0, ROWS);
    const agents: Readonly<Record<string, string>> = { europe: 'local-1', america: 'local-2' };
    expect(rows.map(({ agent, assigned_hub }) => [agent, assigned_hub])).toEqual(
      rows.map(({ region = '' }) => [agents[region], HUBS[region]]),
    );
  });

  it('that fails before its start leaves nothing behind', async () => {
    const run = startRun('--workers', '1');
    const seen = await untilAllThere(run);
    const { code, stderr } = await run.ended;
    expect([code, stderr.includes('1 worker cannot run on 2 agents')]).toEqual([2, true]);
    await untilGone(seen, 1_000);
    expect(readdirSync(run.temporary)).toEqual([]);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const run = startRun(...SLOWLY);
    const seen = await untilAllThere(run);
    await untilRegistering(run);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    await untilGone(seen, 1_000);
    expect(readdirSync(run.temporary)).toEqual([]);
  });

  it('leaves nothing behind when it is killed', async () => {
    const run = startRun(...SLOWLY);
    const seen = await untilAllThere(run);
    await untilRegistering(run);
    run.child.kill('SIGKILL');
    await untilGone(seen, 5_000);
    expect(readdirSync(run.temporary)).toEqual([]);
  });

  it('leaves no process behind when it is killed while they start', async () => {
    const run = startRun();
    const seen = await untilThere(run, (all) => all.some(({ command }) => command.includes('redis-server')));
    const keeper = seen.find(({ command }) => command.includes('keeper'));
    run.child.kill('SIGKILL');
    await untilGone([...seen, ...descendantsOf(keeper?.pid ?? 0)], 5_000);
  });
});
