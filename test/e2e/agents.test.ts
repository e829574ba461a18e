import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dpsload } from '../support/dpsload-program.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import { onlyRunFolder } from '../support/results.ts';
import { runsOnAgents } from '../support/runs-on-agents.ts';
import { untilJournal } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

describe.skipIf(!HAS_REDIS)('a run on agents (needs redis-server)', () => {
  const { expectAllOnce, placeOf, runOn, startAgent } = runsOnAgents(folder);

  it.concurrent('registers the fleet, and leaves nothing of the run in Redis', async () => {
    const place = placeOf(1);
    const [a, b] = await Promise.all([startAgent(place, 'a', ['--label', 'region=west']), startAgent(place, 'b')]);
    expect(JSON.parse(a.stdout())).toMatchObject({ ready: true, name: 'a', slots: 1, labels: { region: 'west' } });
    const listed = JSON.parse((await dpsload(['agents', '--json'], { env: place.env })).stdout);
    expect(listed).toMatchObject([
      { name: 'a', labels: { region: 'west' }, run: null },
      { name: 'b', labels: {}, run: null },
    ]);
    const { run, out } = runOn(place, 'both', 150, []);
    expect(await run.ended).toMatchObject({ code: 0 });
    expectAllOnce(out, 150);
    expect((await place.keys()).filter((key) => key.includes(':run:'))).toEqual([]);
    for (const { child } of [a, b]) child.kill('SIGTERM');
    expect((await a.ended).code).toBe(0);
    expect((await b.ended).code).toBe(0);
    expect(await place.keys()).toEqual([]);
  });

  it.concurrent('goes on with the others when an agent is killed, and marks what it may have sent', async () => {
    const place = placeOf(2);
    const [a] = await Promise.all([startAgent(place, 'a'), startAgent(place, 'b')]);
    const { run, out } = runOn(place, 'killed', 300, ['--rate', '50/s']);
    await untilJournal(out, ({ result }) => result === 'assigned', run.ended);
    a.child.kill('SIGKILL');
    expect(await run.ended).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Agent a was lost (its lease ended)'),
    });
    expectAllOnce(out, 300);
  });

  it.concurrent('does not begin while agents are missing, and says who is there', async () => {
    const place = placeOf(5);
    await startAgent(place, 'a');
    const { run, out } = runOn(place, 'missing', 3, ['--agents-within', '5s']);
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([4, expect.stringMatching(/1 of 2 agents is missing after 5 s \(ready: a\)/)]);
    expect(() => onlyRunFolder(out)).toThrow();
  });

  it.concurrent('does not begin with an agent that lacks a key, and says which', async () => {
    const place = placeOf(6);
    await startAgent({ ...place, env: { DPSLOAD_REDIS: place.env['DPSLOAD_REDIS'] ?? '' } }, 'a');
    const { run } = runOn(place, 'keyless', 3, ['--agents', '1']);
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining('agent a: the group key is missing')]);
  });

  it.concurrent('refuses a password on the command line, and quotes none', async () => {
    const { code, stderr } = await dpsload(['agents', '--redis', 'redis://user:secret-word@127.0.0.1:1']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--redis contains a user or password')]);
    expect(stderr).not.toContain('secret-word');
    const file = join(folder, 'absent');
    expect(await dpsload(['agents', '--redis-file', file])).toMatchObject({ code: 2 });
  });
});
