import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StreamAppends } from '../../../src/agents/redis/redis-commands.ts';
import { hrtimeMs, systemClock } from '../../../src/time/system-clock.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../../support/redis-server.ts';

const STREAMS = Array.from({ length: 50 }, (_, index) => `stream-${index}`);

describe.skipIf(!HAS_REDIS)('appending to streams (needs redis-server)', () => {
  const clock = systemClock(hrtimeMs());
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedisServer();
    redis = new Redis(server.url()).on('error', () => {});
    for (const stream of STREAMS) await redis.xgroup('CREATE', stream, 'agent', '0', 'MKSTREAM');
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function readsSoFar(): Promise<number> {
    return Number(/total_reads_processed:(\d+)/.exec(await redis.info('stats'))?.[1]);
  }

  it('reaches all streams in one write', async () => {
    const appends = new StreamAppends(redis, clock);
    const before = await readsSoFar();
    await Promise.all(STREAMS.map((stream, index) => appends.append(stream, 1, { first: 1, messages: [index] })));
    // One more is for the question itself.
    expect((await readsSoFar()) - before).toBeLessThanOrEqual(3);
    const lengths = await Promise.all(STREAMS.map((stream) => redis.xlen(stream)));
    expect(lengths).toEqual(STREAMS.map(() => 1));
  });

  it('tells each of its own failure', async () => {
    await redis.set('no-stream', '1');
    const appends = new StreamAppends(redis, clock);
    const [first, second, third] = await Promise.allSettled(
      ['stream-0', 'no-stream', 'stream-1'].map((key) => appends.append(key, 1, { first: 2, messages: ['x'] })),
    );
    expect([first?.status, second?.status, third?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails where the connection is gone', async () => {
    const gone = new Redis(server.url(), {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      lazyConnect: true,
    });
    await gone.connect();
    const appends = new StreamAppends(gone, clock);
    const appended = appends.append('stream-2', 1, { first: 2, messages: ['x'] });
    gone.disconnect();
    await expect(appended).rejects.toThrow();
  });
});
