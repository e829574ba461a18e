import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dpsload,
  type EmulatorProgram,
  type Started,
  startDpsload,
  startEmulatorProgram,
} from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { onlyRunFolder } from '../support/results.ts';
import { fleetRunArgs, isAgainUnmarked, resultsOf, untilJournal } from '../support/survival-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** Where a test meets its agents. */
type Place = { readonly env: Readonly<Record<string, string>>; readonly keys: () => Promise<readonly string[]> };

describe.skipIf(!HAS_REDIS)('a run on agents (needs redis-server)', () => {
  let emulator: EmulatorProgram;
  let redis: RedisServer;
  const agents: Started[] = [];
  beforeAll(async () => {
    [emulator, redis] = await Promise.all([
      startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV),
      startRedisServer(),
    ]);
  });
  afterAll(async () => {
    for (const { child } of agents) child.kill('SIGKILL');
    await Promise.all([emulator.stop(), redis.stop()]);
  });

  const placeOf = (database: number): Place => ({
    env: { ...GROUP_KEY_ENV, DPSLOAD_REDIS: redis.url(database) },
    async keys() {
      const client = new Redis(redis.url(database));
      const keys = await client.keys('*');
      client.disconnect();
      return keys;
    },
  });

  const startAgent = async (place: Place, name: string, options: readonly string[] = []): Promise<Started> => {
    const agent = startDpsload(['agent', '--name', name, '--slots', '1', ...options], { env: place.env });
    agents.push(agent);
    await agent.until(({ stdout }) => stdout.includes('\n'));
    return agent;
  };

  const runOn = (place: Place, name: string, rows: number, options: readonly string[]) => {
    const { args, out } = fleetRunArgs(folder, emulator, name, rows, [
      '--agents',
      '2',
      '--concurrency',
      '20',
      ...options,
    ]);
    return { run: startDpsload(args, { env: place.env }), out };
  };

  const expectAllOnce = (out: string, rows: number): void => {
    const results = resultsOf(onlyRunFolder(out));
    expect(results.filter(({ result }) => result === 'assigned')).toHaveLength(rows);
    expect(results.filter(isAgainUnmarked)).toEqual([]);
  };

  it.concurrent('registers the fleet, and leaves nothing of the run in Redis', async () => {
    const place = placeOf(1);
    const [a, b] = await Promise.all([startAgent(place, 'a', ['--label', 'region=west']), startAgent(place, 'b')]);
    expect(JSON.parse(a.stdout())).toMatchObject({ ready: true, name: 'a', slots: 1, labels: { region: 'west' } });
    const listed = JSON.parse((await dpsload(['agents', '--json'], { env: place.env })).stdout);
    expect(listed).toMatchObject([
      { name: 'a', labels: { region: 'west' }, run: null },
      { name: 'b', labels: {}, run: null },
    ]);
    const { run, out } = runOn(place, 'both', 300, []);
    expect(await run.ended).toMatchObject({ code: 0 });
    expectAllOnce(out, 300);
    expect((await place.keys()).filter((key) => key.includes(':run:'))).toEqual([]);
    for (const { child } of [a, b]) child.kill('SIGTERM');
    expect((await a.ended).code).toBe(0);
    expect((await b.ended).code).toBe(0);
    expect(await place.keys()).toEqual([]);
  });

  it.concurrent('goes on with the others when an agent is killed, and marks what it may have sent', async () => {
    const place = placeOf(2);
    const [a] = await Promise.all([startAgent(place, 'a'), startAgent(place, 'b')]);
    const { run, out } = runOn(place, 'killed', 300, ['--rate', '100/s']);
    await untilJournal(out, ({ result }) => result === 'assigned', run.ended);
    a.child.kill('SIGKILL');
    expect(await run.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('agent a: its lease ended') });
    expectAllOnce(out, 300);
  });

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
    expect(await run.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('agent a leaves') });
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

  it.concurrent('does not begin while agents are missing, and says who is there', async () => {
    const place = placeOf(5);
    await startAgent(place, 'a');
    const { run, out } = runOn(place, 'missing', 3, ['--agents-within', '1s']);
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([4, expect.stringMatching(/1 of 2 agents is missing after 1 s \(ready: a\)/)]);
    expect(() => onlyRunFolder(out)).toThrow();
  });

  it.concurrent('does not begin with an agent that lacks a key, and says which', async () => {
    const place = placeOf(6);
    await startAgent({ ...place, env: { DPSLOAD_REDIS: redis.url(6) } }, 'a');
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
