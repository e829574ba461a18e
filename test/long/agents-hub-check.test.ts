import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import { onlyRunFolder } from '../support/results.ts';
import { runsOnAgents } from '../support/runs-on-agents.ts';
import { resultsOf, untilJournal } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const ROWS = 60;

describe.skipIf(!HAS_REDIS)('the hub check of a run on agents (needs redis-server)', () => {
  const { expectAllOnce, hubPort, placeOf, runOn, startAgent } = runsOnAgents(folder, ['--hub-port', '0']);
  type Place = ReturnType<typeof placeOf>;
  const twoAgents = (place: Place) => Promise.all([startAgent(place, 'a'), startAgent(place, 'b')]);
  const check = () => ['--hub-check', 'twin', '--hub-check-share', 'all', '--hub-connect-to', `127.0.0.1:${hubPort()}`];

  const expectAllChecked = (out: string, json: string): void => {
    expect((JSON.parse(json) as Summary).hubCheck).toMatchObject({ check: 'twin', passed: ROWS, failed: 0, left: 0 });
    expectAllOnce(out, ROWS);
    const rows = resultsOf(onlyRunFolder(out));
    expect(rows.map((row) => row['hub_check'])).toEqual(rows.map(() => 'passed'));
    expect(new Set(rows.map(({ agent }) => agent))).toEqual(new Set(['a', 'b']));
  };

  it.concurrent('is made by the coordinator, with its own key', async () => {
    const place = placeOf(1);
    await twoAgents(place);
    const { run, out } = runOn(place, 'checked', ROWS, ['--json', '--quiet', '--rate', '100/s', ...check()]);
    const { code, stderr, stdout } = await run.ended;
    expect(code, stderr).toBe(0);
    expectAllChecked(out, stdout);
  });

  it.concurrent('is refused with the run, before anything is sent, when the coordinator lacks the key', async () => {
    const place = placeOf(2);
    await twoAgents(place);
    const { DPSLOAD_REDIS = '' } = place.env;
    const { run, out } = runOn({ ...place, env: { DPSLOAD_REDIS } }, 'keyless', ROWS, check());
    const { code, stderr } = await run.ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/DPSLOAD_GROUP_KEY/);
    expect(existsSync(out)).toBe(false);
    expect(await place.keys()).toEqual(expect.not.arrayContaining([expect.stringContaining('run')]));
  });

  it.concurrent('waits until a run that was killed is resumed', async () => {
    const place = placeOf(3);
    const [a] = await twoAgents(place);
    const { run, out } = runOn(place, 'killed', ROWS, ['--rate', '20/s', ...check()]);
    await untilJournal(out, ({ result }) => result === 'assigned', run.ended);
    run.child.kill('SIGKILL');
    await a.until(({ stderr }) => stderr.includes('expelled'));
    const resumed = await dpsload(['resume', onlyRunFolder(out), '--json', '--quiet', '--rate', '100/s'], {
      env: place.env,
    });
    expect(resumed.code, resumed.stderr).toBe(0);
    expectAllChecked(out, resumed.stdout);
  });

  it.concurrent('can be made afterwards, without Redis and agents, where the keys are', async () => {
    const place = placeOf(4);
    const agents = await twoAgents(place);
    const { run, out } = runOn(place, 'later', ROWS, ['--rate', '100/s']);
    expect(await run.ended).toMatchObject({ code: 0 });
    for (const { child } of agents) child.kill('SIGTERM');
    const args = ['hub-check', onlyRunFolder(out), '--json', '--quiet', ...check()];
    const refused = await dpsload(args);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('DPSLOAD_GROUP_KEY') });
    expect(existsSync(`${onlyRunFolder(out)}/hub-checks.ndjson`)).toBe(false);
    const { code, stderr, stdout } = await dpsload(args, { env: GROUP_KEY_ENV });
    expect(code, stderr).toBe(0);
    expectAllChecked(out, stdout);
  });
});
