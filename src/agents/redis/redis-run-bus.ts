import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Clock } from '../../time/clock.ts';
import type { AgentPlace, ListedAgent, RedisIdentity, RunBus } from '../agent-bus.ts';
import type { FromAgent, Placement, ToAgent } from '../agent-messages.ts';
import { InboundMessages, OutboundMessages } from '../message-stream.ts';
import { InboundStream } from './inbound-stream.ts';
import { listAgents } from './presence.ts';
import { expireKeys, readEntry, readRunId, resultsOf, runIdIn, StreamAppends } from './redis-commands.ts';
import { connectRedis, type RedisTarget } from './redis-connection.ts';
import {
  coordinatorKey,
  GROUP,
  inboundKey,
  jobId,
  jobKey,
  KEYS_EXPIRE_MS,
  KEYS_REFRESH_MS,
  lockKey,
  outboundKey,
  QUEUE_PREFIX,
  queueKeys,
  queueName,
} from './redis-keys.ts';

/** Entries after the last that was handed out, before the stream goes: from then on nothing of it is handed out. */
const TAKE_REST = `
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
local rest = {}
if groups.err == nil and groups[1] ~= nil then
  for i = 1, #groups[1], 2 do
    if groups[1][i] == 'last-delivered-id' then rest = redis.call('XRANGE', KEYS[1], '(' .. groups[1][i + 1], '+') end
  end
end
redis.call('DEL', KEYS[1])
return rest`;

type Outbound = {
  readonly place: AgentPlace;
  readonly redisRunId: string;
  readonly messages: OutboundMessages<ToAgent>;
};

/** The coordinator's side, over Redis: BullMQ for the places, streams for the messages. */
export class RedisRunBus implements RunBus {
  readonly runId: string;
  readonly #redis: Redis;
  readonly #stream: InboundStream;
  readonly #appends: StreamAppends;
  readonly #clock: Clock;
  readonly #queues = new Map<string, Queue>();
  readonly #outbound = new Map<number, Outbound>();
  readonly #inbound = new Map<number, InboundMessages<FromAgent>>();
  /** Places given up while Redis could not remove them. */
  readonly #leftovers = new Set<AgentPlace>();
  #redisRunId = '';
  #refreshedAtMs = 0;

  private constructor(runId: string, clock: Clock, [redis, reader]: readonly [Redis, Redis]) {
    this.runId = runId;
    this.#clock = clock;
    this.#redis = redis;
    this.#stream = new InboundStream(reader, inboundKey(runId), clock);
    this.#appends = new StreamAppends(redis, clock);
    this.#refreshedAtMs = clock.nowMs();
  }

  /** @throws OperatorError `unreachable` */
  static async connect(runId: string, target: RedisTarget, clock: Clock): Promise<RedisRunBus> {
    const redis = await connectRedis(target);
    return new RedisRunBus(runId, clock, [redis, await connectRedis(target)]);
  }

  listAgents(): Promise<readonly ListedAgent[]> {
    return listAgents(this.#redis, this.#clock);
  }

  async place(agent: string, placement: Placement): Promise<void> {
    const { epoch, redisRunId } = placement;
    const place = { agent, epoch };
    const keys = [outboundKey(this.runId, epoch), inboundKey(this.runId)];
    for (const key of keys) await createStream(this.#redis, key);
    const key = outboundKey(this.runId, epoch);
    const messages = new OutboundMessages<ToAgent>(this.#clock, (entry) => this.#appends.append(key, epoch, entry));
    this.#outbound.set(epoch, { place, redisRunId, messages });
    this.#inbound.set(epoch, new InboundMessages());
    const id = jobId(this.runId, epoch);
    const options = { jobId: id, attempts: 1, removeOnComplete: true, removeOnFail: true };
    await this.#queueOf(agent).add('placement', placement, options);
    await expireKeys(this.#redis, [...queueKeys(agent), jobKey(agent, this.runId, epoch)]);
  }

  async renew(leaseMs: number): Promise<RedisIdentity> {
    const pipeline = this.#redis.pipeline().set(coordinatorKey(this.runId), '1', 'PX', leaseMs).info('server');
    const [, info] = resultsOf(await pipeline.exec());
    await this.#refresh();
    return this.#identity(runIdIn(String(info)));
  }

  async locksLeftMs(places: readonly AgentPlace[]): Promise<RedisIdentity & { leftMs: (number | null)[] }> {
    const pipeline = this.#redis.pipeline().info('server');
    for (const { agent, epoch } of places) pipeline.pttl(lockKey(agent, this.runId, epoch));
    const [info, ...left] = resultsOf(await pipeline.exec());
    const leftMs = left.map(Number).map((ms) => (ms < 0 ? null : ms));
    return { ...this.#identity(runIdIn(String(info))), leftMs };
  }

  send({ epoch }: AgentPlace, message: ToAgent): void {
    this.#outbound.get(epoch)?.messages.send(message);
  }

  onMessage(listener: (epoch: number, message: FromAgent) => void): void {
    void this.#stream.read<FromAgent>((entry) => {
      for (const message of this.#inbound.get(entry.epoch)?.take(entry) ?? []) listener(entry.epoch, message);
    });
  }

  async revoke({ epoch }: AgentPlace): Promise<readonly ToAgent[]> {
    const outbound = this.#outbound.get(epoch);
    if (outbound === undefined) return [];
    this.#outbound.delete(epoch);
    const unsent = outbound.messages.stop();
    this.#leftovers.add(outbound.place);
    const isRemoved = await this.#removeJob(outbound.place);
    const isSame = (await readRunId(this.#redis)) === outbound.redisRunId;
    const rest = (await this.#redis.eval(TAKE_REST, 1, outboundKey(this.runId, epoch))) as Parameters<
      typeof readEntry
    >[0][];
    if (isRemoved) this.#leftovers.delete(outbound.place);
    // A Redis that started anew may have forgotten what it handed out.
    return isSame ? [...outbound.messages.neverArrived(rest.map(readEntry<ToAgent>)), ...unsent] : [];
  }

  handled(): () => void {
    const { lastId } = this.#stream;
    return () => {
      if (lastId !== null) this.#redis.xtrim(inboundKey(this.runId), 'MINID', lastId).catch(() => 0);
    };
  }

  async close(): Promise<void> {
    this.#stream.close();
    const places = [...this.#outbound.values()].map(({ place }) => place);
    await Promise.all(places.map((place) => this.revoke(place).catch(() => [])));
    await Promise.all([...this.#leftovers].map((place) => this.#removeJob(place)));
    const streams = [...this.#leftovers].map(({ epoch }) => outboundKey(this.runId, epoch));
    await this.#redis.del(coordinatorKey(this.runId), inboundKey(this.runId), ...streams).catch(() => 0);
    await Promise.all([...this.#queues.values()].map((queue) => queue.close().catch(() => {})));
    this.#redis.disconnect();
  }

  /** @returns whether it is gone */
  #removeJob({ agent, epoch }: AgentPlace): Promise<boolean> {
    return this.#queueOf(agent)
      .remove(jobId(this.runId, epoch))
      .then(
        (removed) => removed === 1,
        () => false,
      );
  }

  #identity(redisRunId: string): RedisIdentity {
    if (this.#redisRunId !== '' && this.#redisRunId !== redisRunId) this.#stream.startAnew();
    this.#redisRunId = redisRunId;
    return { redisRunId };
  }

  async #refresh(): Promise<void> {
    if (this.#clock.nowMs() - this.#refreshedAtMs < KEYS_REFRESH_MS) return;
    this.#refreshedAtMs = this.#clock.nowMs();
    const ofPlaces = [...this.#outbound.values()].flatMap(({ place: { agent, epoch } }) => [
      outboundKey(this.runId, epoch),
      jobKey(agent, this.runId, epoch),
      ...queueKeys(agent),
    ]);
    await expireKeys(this.#redis, [inboundKey(this.runId), ...ofPlaces]);
  }

  #queueOf(agent: string): Queue {
    const known = this.#queues.get(agent);
    if (known !== undefined) return known;
    const queue = new Queue(queueName(agent), {
      connection: this.#redis,
      prefix: QUEUE_PREFIX,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    queue.on('error', () => {});
    this.#queues.set(agent, queue);
    return queue;
  }
}

async function createStream(redis: Redis, key: string): Promise<void> {
  try {
    await redis.xgroup('CREATE', key, GROUP, '0', 'MKSTREAM');
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
  }
  await redis.pexpire(key, KEYS_EXPIRE_MS);
}
