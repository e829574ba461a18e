import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type Started, startDpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HUBS: Readonly<Record<string, string>> = {
  europe: 'hub-west-europe.azure-devices.net',
  america: 'hub-east-us.azure-devices.net',
};
/** Few enough to be quick; enough for a verdict within 2 percentage points. */
const ROWS = 600;

describe.skipIf(!HAS_REDIS)('one run from two regions (needs redis-server)', () => {
  const folder = temporaryFolder();
  const fleet = join(folder, 'fleet.csv');
  let redis: RedisServer;
  const agents: Started[] = [];
  const env = (): Record<string, string> => ({ ...GROUP_KEY_ENV, DPSLOAD_REDIS: redis.url() });

  const startAgent = async (...args: readonly string[]): Promise<void> => {
    const agent = startDpsload(['agent', '--slots', '1', ...args], { env: env() });
    agents.push(agent);
    await agent.until(({ stdout }) => stdout.includes('\n'));
  };

  /** @param regionOf Of a row. */
  const run = (out: string, regionOf: (row: number) => string) => {
    const rows = Array.from({ length: ROWS }, (_, row) => `dev-${row},${regionOf(row)}\n`);
    writeFileSync(fleet, `registration_id,site\n${rows.join('')}`);
    const options = ['--agents', '2', '--agents-within', '20s', '--limit', String(ROWS), '--out', join(folder, out)];
    const args = ['run', fleet, '-s', '@lowest-latency', '--pin-by', 'region=site', '-c', '100', ...options];
    return dpsload(args, { env: env() });
  };

  beforeAll(async () => {
    redis = await startRedisServer();
    await Promise.all([
      startAgent('--name', 'eu', '--label', 'region=europe', '--local-address', '127.0.0.1'),
      startAgent('--name', 'us', '--label', 'region=america', '--local-address', '127.0.0.2'),
    ]);
  });
  afterAll(async () => {
    for (const { child } of agents) child.kill('SIGKILL');
    await redis.stop();
  });

  it('registers each device from its own, and proves the lowest-latency policy', async () => {
    // Sorted by region, as exports often are: the second must not wait for the first.
    const ended = await run('both', (row) => (row < ROWS / 2 ? 'europe' : 'america'));
    expect(ended).toMatchObject({ code: 0 });
    const results = onlyRunFolder(join(folder, 'both'));
    const rows = readResultRows(join(results, 'registrations.csv'));
    expect(rows).toHaveLength(ROWS);
    const wrong = rows.filter(
      ({ site = '', agent, assigned_hub }) =>
        agent !== (site === 'europe' ? 'eu' : 'us') || assigned_hub !== HUBS[site],
    );
    expect(wrong).toEqual([]);
    const { allocation } = JSON.parse(readFileSync(join(results, 'summary.json'), 'utf8'));
    expect(allocation).toMatchObject({ verdict: 'pass' });
    const table =
      /hubs by region of the agents\nhub +america +europe\n([\s\S]*?)\nassigned/.exec(ended.stdout)?.[1] ?? '';
    const cells = table.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
    expect(cells).toEqual([`${HUBS['america']} 300 (100.0%) 0`, `${HUBS['europe']} 0 300 (100.0%)`]);
    const starts = (region: string): readonly number[] =>
      rows.filter(({ site }) => site === region).map(({ started_at }) => Date.parse(started_at ?? ''));
    expect(Math.min(...starts('america'))).toBeLessThan(Math.max(...starts('europe')));
  });

  it('is refused before anything is sent where a region has no agent', async () => {
    const { code, stderr } = await run('none', (row) => (row === 0 ? 'asia' : row === 1 ? '' : 'europe'));
    expect(code).toBe(2);
    expect(stderr).toContain('no agent has the label region with these values of column "site": "asia" (1 row)');
    expect(stderr).toContain('1 row with nothing in column "site", by which rows are pinned to agents');
  });
});
