import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { surveyRedis } from '../../../src/agents/redis/redis-survey.ts';
import { operatorError } from '../../support/fleet-file.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const REQUEST = { place: '127.0.0.1:6379', clientsNeeded: 20, isInTheClear: false };
const PASSWORD = 'a-password-of-redis-that-nobody-may-see';

describe.skipIf(!HAS_REDIS)('the survey of a real Redis (needs redis-server)', () => {
  let server: RedisServer;
  let admin: Redis;
  const clients: Redis[] = [];
  const connect = (url: string): Redis => {
    const client = new Redis(url, { maxRetriesPerRequest: 0 });
    clients.push(client);
    return client;
  };
  const urlOf = (user: string): string => `redis://${user}:${PASSWORD}@127.0.0.1:${server.port}`;
  // By a clock that stands still, no answer is late: how long one takes is the machine's affair.
  const survey = (redis: Redis = admin) => surveyRedis(redis, REQUEST, new VirtualClock());

  beforeAll(async () => {
    server = await startRedisServer();
    admin = connect(server.url());
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });

  it('describes it, and leaves nothing behind', async () => {
    const { description, warnings } = await survey();
    expect(description).toMatch(
      /^(Redis|Valkey) \d+\.\d+\.\d+ at [\d.]+:\d+: \d+\.\d ms latency, no memory limit, no persistence/,
    );
    expect(warnings).toEqual([]);
    expect(await admin.keys('*')).toEqual([]);
  });

  it('sees how it is set', async () => {
    await admin.config('SET', 'maxmemory-policy', 'volatile-lru', 'maxmemory', '1gb', 'save', '3600 1');
    const { description, warnings } = await survey();
    expect(description).toMatch(/ of 1,073\.7 MB in use, snapshots saved to its disk/);
    expect(warnings).toEqual([expect.stringContaining('maxmemory-policy volatile-lru')]);
    await admin.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '0', 'save', '');
  });

  it('refuses one that is full', async () => {
    await admin.config('SET', 'maxmemory', '1');
    const { kind, message } = await operatorError(() => survey());
    await admin.config('SET', 'maxmemory', '0');
    expect(kind).toBe('unreachable');
    expect(message).toMatch(/Redis refuses to write: OOM .*Give it more memory/);
  });

  it('refuses a user without the permissions that agents need, and never shows its password', async () => {
    await admin.call('ACL', 'SETUSER', 'reader', 'on', `>${PASSWORD}`, '~other:*', '+@all');
    const { message } = await operatorError(() => survey(connect(urlOf('reader'))));
    expect(message).toMatch(/Redis refuses to write: .*Give its user all commands on dpsload:\*/);
    await admin.call('ACL', 'SETUSER', 'blind', 'on', `>${PASSWORD}`, '~*', '+@all', '-info', '-config');
    const blind = connect(urlOf('blind'));
    const refused = await operatorError(() => survey(blind));
    expect(refused.message).toMatch(/does not describe itself: NOPERM .*\+info/);
    expect(message + refused.message).not.toContain(PASSWORD);
  });

  it('takes one whose settings are hidden, as hosted services hide them', async () => {
    await admin.call('ACL', 'SETUSER', 'hosted', 'on', `>${PASSWORD}`, '~dpsload:*', '+@all', '-config', '+info');
    const { warnings } = await survey(connect(urlOf('hosted')));
    expect(warnings).toEqual([]);
  });
});
