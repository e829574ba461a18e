import { setTimeout as pauseMs } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PlacedRun } from '../../../src/agents/agent-bus.ts';
import type { FromAgent, Placement, PlacementNeeds, ToAgent } from '../../../src/agents/agent-messages.ts';
import { LEASE_MS } from '../../../src/agents/lease.ts';
import { RedisAgentBus } from '../../../src/agents/redis/redis-agent-bus.ts';
import { connectRedis, redisTarget } from '../../../src/agents/redis/redis-connection.ts';
import { RedisRunBus } from '../../../src/agents/redis/redis-run-bus.ts';
import type { Clock, Timer } from '../../../src/time/clock.ts';
import { hrtimeMs, systemClock } from '../../../src/time/system-clock.ts';
import { DroppingProxy } from '../../support/dropping-proxy.ts';
import { HAS_REDIS, type RedisServer, startRedisServer } from '../../support/redis-server.ts';

const AGENT = { name: 'a', labels: { region: 'west' }, slots: 2, version: '1.0.0', run: null };

const NEEDS: PlacementNeeds = {
  version: '1.0.0',
  target: { host: 'dps.example.net', port: 8_883, idScope: '0ne00000001' },
  serverName: null,
  nameResolution: { cacheMs: null, pinned: [] },
  secrets: { attestation: { kind: 'device-key' }, fleet: null },
};

/** How long an agent is there without saying so again, if it does not withdraw: longer than a test takes on any machine. */
const STAYS_MS = 60_000;

const PONG: ToAgent = { type: 'pong', sentAtMs: 1, atMs: 2 };
const KILL: ToAgent = { type: 'kill', worker: 0, reason: 'hung' };

describe.skipIf(!HAS_REDIS)('the bus over Redis (needs redis-server)', () => {
  const clock = systemClock(hrtimeMs());
  let server: RedisServer;
  let redis: Redis;
  let database = 0;
  const closing: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterEach(async () => {
    for (const bus of closing.splice(0)) await bus.close();
    redis.disconnect();
  });
  afterAll(() => server.stop());

  /** A run, an agent and a look at their own database. */
  async function meet() {
    database += 1;
    redis = new Redis(server.url(database)).on('error', () => {});
    const target = await redisTarget({ flag: server.url(database), file: null, variable: null });
    const connectAgent = async (instance: string): Promise<RedisAgentBus> => {
      const bus = await RedisAgentBus.connect({ name: 'a', instance }, target, clock);
      closing.push(bus);
      return bus;
    };
    const run = await RedisRunBus.connect('run-1', target, clock);
    closing.push(run);
    const heard: FromAgent[] = [];
    run.onMessage((_, message) => heard.push(message));
    return { agent: await connectAgent('first'), connectAgent, heard, run };
  }

  async function placementOf(run: RedisRunBus, epoch: number): Promise<Placement> {
    const { redisRunId } = await run.renew(LEASE_MS);
    return { ...NEEDS, runId: run.runId, epoch, redisRunId, epochAtZeroMs: 0 };
  }

  /** The agent in its place, with what it hears. */
  async function placed(run: RedisRunBus, agent: RedisAgentBus, epoch = 1) {
    await run.place('a', await placementOf(run, epoch));
    const taken = (await agent.nextPlacement()) as PlacedRun;
    const heard: ToAgent[] = [];
    taken.onMessage((message) => heard.push(message));
    return { heard, place: { agent: 'a', epoch }, taken };
  }

  it('lists an agent while it says that it is there, under a name of its own', async () => {
    const { agent, connectAgent, run } = await meet();
    expect(await agent.announce(AGENT, STAYS_MS)).toBe(true);
    expect(await (await connectAgent('second')).announce(AGENT, STAYS_MS)).toBe(false);
    const [listed] = await run.listAgents();
    expect(listed).toMatchObject(AGENT);
    // Both clocks are this machine's.
    expect(Math.abs(listed?.offsetMs ?? Number.NaN)).toBeLessThanOrEqual(listed?.offsetUncertaintyMs ?? 0);
    await agent.withdraw();
    expect(await run.listAgents()).toEqual([]);
  });

  it('lists no agent that withdrew while it was about to say that it is there', async () => {
    const { agent, run } = await meet();
    const announced = agent.announce(AGENT, STAYS_MS);
    await agent.withdraw();
    await announced;
    expect(await run.listAgents()).toEqual([]);
  });

  it('leaves alone what belongs to another process of the same name', async () => {
    const { agent, connectAgent, run } = await meet();
    await agent.announce(AGENT, STAYS_MS);
    await run.place('a', await placementOf(run, 1));
    const second = await connectAgent('second');
    expect(await second.announce(AGENT, STAYS_MS)).toBe(false);
    await second.withdraw();
    await second.close();
    expect(await run.listAgents()).toHaveLength(1);
    const taken = await agent.nextPlacement();
    expect(taken?.placement.epoch).toBe(1);
    await taken?.finish();
  });

  it('finds a placement of which the sign is gone: the answer to an earlier wait was lost with it', async () => {
    const { run } = await meet();
    const network = await DroppingProxy.start(server.port);
    const flag = `redis://127.0.0.1:${network.port}/${database}`;
    const target = await redisTarget({ flag, file: null, variable: null });
    const agent = await RedisAgentBus.connect({ name: 'a', instance: 'only' }, target, clock);
    const next = agent.nextPlacement();
    await expect.poll(async () => String(await redis.client('LIST'))).toContain(' cmd=bzpopmin ');
    network.cut(['to', 'from']);
    await run.place('a', await placementOf(run, 1));
    // It went to the agent that waits, if that wait was not over.
    for (const marker of await redis.keys('dpsload:*:marker')) await redis.del(marker);
    network.heal(true);
    const taken = await next;
    expect(taken?.placement.epoch).toBe(1);
    await taken?.finish();
    await agent.close();
    network.close();
  });

  it('stops waiting for a placement, and closes, although Redis is gone', async () => {
    const own = await startRedisServer();
    const target = await redisTarget({ flag: own.url(0), file: null, variable: null });
    const agent = await RedisAgentBus.connect({ name: 'a', instance: 'only' }, target, clock);
    const next = agent.nextPlacement();
    await own.stop();
    await pauseMs(1_500);
    await agent.close();
    expect(await next).toBeNull();
  });

  it('leaves no timer behind that would hold the process up', async () => {
    const waiting = new Set<Timer>();
    const counting: Clock = {
      ...clock,
      wakeAt(atMs, wake) {
        const timer = clock.wakeAt(atMs, () => {
          waiting.delete(own);
          wake();
        });
        const own = {
          cancel: () => {
            waiting.delete(own);
            timer.cancel();
          },
        };
        waiting.add(own);
        return own;
      },
    };
    const target = await redisTarget({ flag: server.url(15), file: null, variable: null });
    const agent = await RedisAgentBus.connect({ name: 'a', instance: 'only' }, target, counting);
    const next = agent.nextPlacement();
    await agent.close();
    expect(await next).toBeNull();
    expect(waiting.size).toBe(0);
  });

  it('carries messages both ways, in order', async () => {
    const { agent, heard: fromAgent, run } = await meet();
    const { heard, place, taken } = await placed(run, agent);
    run.send(place, PONG);
    run.send(place, KILL);
    taken.send({ type: 'draining' });
    taken.send({ type: 'left' });
    await expect
      .poll(() => [heard, fromAgent])
      .toEqual([
        [PONG, KILL],
        [{ type: 'draining' }, { type: 'left' }],
      ]);
    await taken.finish();
  });

  it('soon lets Redis forget what has arrived', async () => {
    const { agent, run } = await meet();
    const { heard, place, taken } = await placed(run, agent);
    for (let sent = 1; sent <= 15; sent += 1) {
      run.send(place, PONG);
      await expect.poll(() => heard.length).toBe(sent);
      await pauseMs(100);
    }
    const stream = 'dpsload:run:run-1:to:1';
    await expect.poll(() => redis.xlen(stream)).toBeLessThan(15);
    const [pending] = (await redis.xpending(stream, 'agent')) as [number];
    expect(pending).toBeLessThan(15);
    await taken.finish();
  });

  it("shows the agent's lock as long as it is renewed, and the agent the coordinator's lease", async () => {
    const { agent, run } = await meet();
    const { place, taken } = await placed(run, agent);
    const beforeMs = performance.now();
    expect(await taken.renew(LEASE_MS)).toMatchObject({ isHeld: true, redisRunId: taken.placement.redisRunId });
    const leftMs = (await run.locksLeftMs([place])).leftMs[0] ?? 0;
    // Less the time that this machine took, and a millisecond for Redis, which counts whole ones.
    expect(leftMs).toBeGreaterThanOrEqual(LEASE_MS - (performance.now() - beforeMs) - 1);
    await run.renew(1);
    await taken.renew(1);
    await pauseMs(20);
    expect(await taken.renew(LEASE_MS)).toMatchObject({ isHeld: false, coordinatorLeftMs: null });
    expect((await run.locksLeftMs([place])).leftMs).toEqual([null]);
    await taken.finish();
  });

  it('takes back what was never handed out, and hands out nothing after that', async () => {
    const { agent, run } = await meet();
    await run.place('a', await placementOf(run, 1));
    const taken = (await agent.nextPlacement()) as PlacedRun;
    run.send({ agent: 'a', epoch: 1 }, KILL);
    await expect.poll(() => redis.xlen('dpsload:run:run-1:to:1')).toBe(1);
    expect(await run.revoke({ agent: 'a', epoch: 1 })).toEqual([KILL]);
    const heard: ToAgent[] = [];
    taken.onMessage((message) => heard.push(message));
    await pauseMs(300);
    expect(heard).toEqual([]);
    await taken.finish();
  });

  it('counts nothing as never handed out that the agent has read', async () => {
    const { agent, run } = await meet();
    const { heard, place, taken } = await placed(run, agent);
    run.send(place, KILL);
    await expect.poll(() => heard.length).toBe(1);
    expect(await run.revoke(place)).toEqual([]);
    await taken.finish();
  });

  it('removes at the end what it could not remove before', async () => {
    const { agent, run } = await meet();
    const { place } = await placed(run, agent);
    // Its lock holds, so that BullMQ removes nothing.
    await run.revoke(place);
    const job = 'dpsload:bull:agent-a:run-1-1';
    expect(await redis.exists(job)).toBe(1);
    // As if the agent had been killed, and its lock were over.
    await redis.del(`${job}:lock`);
    await run.close();
    expect(await redis.keys('*run-1*')).toEqual([]);
  });

  it('removes a run, and lets what a crash leaves behind expire', async () => {
    const { agent, run } = await meet();
    await agent.announce(AGENT, STAYS_MS);
    const { taken } = await placed(run, agent);
    const keys = await redis.keys('*');
    const immortal = [];
    for (const key of keys) if ((await redis.pttl(key)) < 0) immortal.push(key);
    expect(keys.every((key) => key.startsWith('dpsload:'))).toBe(true);
    expect(immortal).toEqual([]);
    await taken.finish();
    await agent.withdraw();
    for (const bus of closing.splice(0).reverse()) await bus.close();
    expect(await redis.keys('*')).toEqual([]);
  });
});

describe.skipIf(!HAS_REDIS)('Redis with a password (needs redis-server)', () => {
  it('lets in who knows it, and no message quotes it or a wrong one', async () => {
    const server = await startRedisServer(['--requirepass', 'right-word']);
    const connectWith = async (user: string) => {
      const variable = server.url().replace('//', `//${user}`);
      return await connectRedis(await redisTarget({ flag: null, file: null, variable }));
    };
    try {
      const client = await connectWith(':right-word@');
      expect(await client.ping()).toBe('PONG');
      client.disconnect();
      for (const user of ['', ':wrong-word@', 'nobody:wrong-word@']) {
        const error = await connectWith(user).catch((reason: Error) => reason);
        expect(String(error)).toMatch(/Redis at 127\.0\.0\.1:\d+ cannot be used: (NOAUTH|WRONGPASS)/);
        expect(String(error)).not.toMatch(/wrong-word|right-word/);
      }
    } finally {
      await server.stop();
    }
  });
});

/** The answer of a Redis that may have to be connected to again. */
function answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  return vi.waitFor(ask, { timeout: 60_000 });
}

describe.skipIf(!HAS_REDIS)('Redis that starts anew (needs redis-server)', () => {
  it('is another Redis, holds no lock, and is used again without being asked', async () => {
    const clock = systemClock(hrtimeMs());
    const server = await startRedisServer();
    const target = await redisTarget({ flag: server.url(), file: null, variable: null });
    const run = await RedisRunBus.connect('run-1', target, clock);
    const agent = await RedisAgentBus.connect({ name: 'a', instance: 'first' }, target, clock);
    try {
      const { redisRunId } = await run.renew(LEASE_MS);
      await run.place('a', { ...NEEDS, runId: 'run-1', epoch: 1, redisRunId, epochAtZeroMs: 0 });
      const taken = (await agent.nextPlacement()) as PlacedRun;
      await server.restart();
      expect((await answered(() => run.renew(LEASE_MS))).redisRunId).not.toBe(redisRunId);
      const renewal = await answered(() => taken.renew(LEASE_MS));
      expect(renewal.isHeld).toBe(false);
      expect(renewal.redisRunId).not.toBe(redisRunId);
      expect(await run.revoke({ agent: 'a', epoch: 1 })).toEqual([]);
      await taken.finish();
      const again = { ...NEEDS, runId: 'run-1', epoch: 2, redisRunId: renewal.redisRunId, epochAtZeroMs: 0 };
      await run.place('a', again);
      const next = (await agent.nextPlacement()) as PlacedRun;
      expect(next.placement).toEqual(again);
      const heard: ToAgent[] = [];
      next.onMessage((message) => heard.push(message));
      run.send({ agent: 'a', epoch: 2 }, PONG);
      await expect.poll(() => heard.length).toBe(1);
      await next.finish();
    } finally {
      await run.close();
      await agent.close();
      await server.stop();
    }
  });
});
