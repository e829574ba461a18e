import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect } from 'vitest';
import { type EmulatorProgram, type Started, startDpsload, startEmulatorProgram } from './dpsload-program.ts';
import { GROUP_KEY_ENV } from './group-key.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { onlyRunFolder } from './results.ts';
import { fleetRunArgs, isAgainUnmarked, resultsOf } from './survival-runs.ts';

/** Where a test meets its agents. */
type Place = { readonly env: Readonly<Record<string, string>>; readonly keys: () => Promise<readonly string[]> };

/** For the tests of a suite: an emulator, a Redis with a database for each test, and agents that end with the suite. */
export function runsOnAgents(folder: string, emulatorOptions: readonly string[] = []) {
  let emulator: EmulatorProgram;
  let redis: RedisServer;
  const agents: Started[] = [];
  beforeAll(async () => {
    [emulator, redis] = await Promise.all([
      startEmulatorProgram(['--retry-after', '0', ...emulatorOptions], GROUP_KEY_ENV),
      startRedisServer(),
    ]);
  });
  afterAll(async () => {
    for (const { child } of agents) child.kill('SIGKILL');
    await Promise.all([emulator.stop(), redis.stop(), ...agents.map(({ ended }) => ended)]);
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

  return { expectAllOnce, hubPort: () => emulator.hubPort, placeOf, runOn, startAgent };
}
