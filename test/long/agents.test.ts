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

  it.concurrent('lets an agent go that drains or stops', async () => {
    const place = placeOf(3);
    const [a, b] = await Promise.all([startAgent(place, 'a'), startAgent(place, 'b')]);
    await startAgent(place, 'c');
    const { run, out } = runOn(place, 'drained', 300, ['--rate', '100/s']);
    await untilJournal(out, ({ result }) => result === 'assigned', run.ended);
    a.child.kill('SIGTERM');
    expect((await a.ended).code).toBe(0);
    b.child.kill('SIGTERM');
    b.child.kill('SIGTERM');
    expect((await b.ended).code).toBe(0);
    expect(await run.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('Agent a left the run') });
    expectAllOnce(out, 300);
  });

  it.concurrent('is resumed after the coordinator was killed, whose agents stop by themselves', async () => {
    const place = placeOf(4);
    const [a] = await Promise.all([startAgent(place, 'a'), startAgent(place, 'b')]);
    const { run, out } = runOn(place, 'resumed', 300, ['--rate', '100/s']);
    await untilJournal(out, ({ result }) => result === 'assigned', run.ended);
    run.child.kill('SIGKILL');
    await a.until(({ stderr }) => stderr.includes('expelled'));
    const resumed = await dpsload(['resume', onlyRunFolder(out), '--rate', '1000/s'], { env: place.env });
    expect(resumed).toMatchObject({ code: 0 });
    expectAllOnce(out, 300);
  });
});
