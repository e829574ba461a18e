import { type Job, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Clock, pause, waitAtMost } from '../../time/clock.ts';
import type { AgentBus, PlacedRun, Renewal } from '../agent-bus.ts';
import type { AgentPresence, FromAgent, Placement, ToAgent } from '../agent-messages.ts';
import { LEASE_MS } from '../lease.ts';
import { InboundMessages, OutboundMessages } from '../message-stream.ts';
import type { PresenceRecord } from './presence.ts';
import {
  expireKeys,
  offsetToRedis,
  type RawRead,
  READ_BLOCK_MS,
  READ_ENTRIES_MAX,
  READ_RETRY_MS,
  readEntries,
  resultsOf,
  runIdIn,
  StreamAppends,
} from './redis-commands.ts';
import { connectRedis, type RedisTarget, redisOptions } from './redis-connection.ts';
import {
  AGENTS_KEY,
  coordinatorKey,
  GROUP,
  inboundKey,
  KEYS_EXPIRE_MS,
  KEYS_REFRESH_MS,
  outboundKey,
  presenceKey,
  QUEUE_PREFIX,
  queueKeys,
  queueName,
} from './redis-keys.ts';

/** What has arrived stays in the stream, and in memory, for this long: forgetting each entry at once would cost more than reading it. */
const FORGET_INTERVAL_MS = 1_000;
/** After a failure to ask for a placement. */
const PLACEMENT_RETRY_MS = 500;
/** Without a connection, BullMQ would not end: nothing is lost by leaving it. */
const CLOSE_MAX_MS = 1_000;
/** How long one question for a placement waits, in seconds. */
const PLACEMENT_WAIT_SECONDS = 1;

/** Writes a presence unless another process has the name. */
const ANNOUNCE = `
local there = redis.call('GET', KEYS[1])
if there and cjson.decode(there).instance ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1`;

/** An agent's side, over Redis. */
export class RedisAgentBus implements AgentBus {
  readonly #name: string;
  readonly #instance: string;
  readonly #clock: Clock;
  readonly #redis: Redis;
  readonly #worker: Worker<Placement>;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #placements = 0;
  /** Another process may have the name, and with it what Redis keeps for it. */
  #hasName = false;
  #isWithdrawn = false;
  #isClosed = false;
  #stopWaiting = (): void => {};

  private constructor({ name, instance }: AgentIdentity, target: RedisTarget, clock: Clock, redis: Redis) {
    this.#name = name;
    this.#instance = instance;
    this.#clock = clock;
    this.#redis = redis;
    this.#worker = new Worker<Placement>(queueName(name), null, {
      connection: redisOptions(target) as WorkerOptions['connection'],
      prefix: QUEUE_PREFIX,
      skipVersionCheck: true,
      lockDuration: LEASE_MS,
      skipLockRenewal: true,
      skipStalledCheck: true,
      maxStalledCount: 0,
      drainDelay: PLACEMENT_WAIT_SECONDS,
    });
    // It connects again by itself, and what fails meanwhile says so.
    this.#worker.on('error', () => {});
  }

  /** @throws OperatorError `unreachable` */
  static async connect(identity: AgentIdentity, target: RedisTarget, clock: Clock): Promise<RedisAgentBus> {
    return new RedisAgentBus(identity, target, clock, await connectRedis(target));
  }

  async announce(presence: AgentPresence, forMs: number): Promise<boolean> {
    const { offsetMs, uncertaintyMs } = await offsetToRedis(this.#redis, () => this.#clock.epochMs());
    const instance = this.#instance;
    // It may have withdrawn meanwhile, and must not come back.
    if (this.#isWithdrawn) return false;
    const record: PresenceRecord = { ...presence, offsetMs, offsetUncertaintyMs: uncertaintyMs, instance };
    const isOwn = await this.#redis.eval(
      ...([ANNOUNCE, 2, presenceKey(this.#name), AGENTS_KEY] as const),
      ...[JSON.stringify(record), instance, forMs, this.#name, KEYS_EXPIRE_MS],
    );
    this.#hasName ||= isOwn === 1;
    await this.#refresh();
    return isOwn === 1;
  }

  async withdraw(): Promise<void> {
    this.#isWithdrawn = true;
    if (!this.#hasName) return;
    await this.#redis.pipeline().del(presenceKey(this.#name)).srem(AGENTS_KEY, this.#name).exec();
  }

  async nextPlacement(): Promise<PlacedRun | null> {
    while (!this.#isClosed) {
      const token = `${this.#instance}-${++this.#placements}`;
      try {
        // A wait of which the answer came too late has used up the sign that a placement is there: look before each wait.
        const there = await this.#jobUnlessClosed(token, { block: false });
        const job = there ?? (await this.#jobUnlessClosed(token, { block: true }));
        if (job === undefined) continue;
        // If that fails, the next refresh does it.
        await expireKeys(this.#redis, queueKeys(this.#name)).catch(() => {});
        return new RedisPlacedRun(job, { token, clock: this.#clock, redis: this.#redis });
      } catch {
        await pause(this.#clock, PLACEMENT_RETRY_MS);
      }
    }
    return null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopWaiting();
    await waitAtMost(
      this.#clock,
      CLOSE_MAX_MS,
      this.#worker.close(true).catch(() => {}),
    );
    if (this.#hasName) await this.#redis.del(...queueKeys(this.#name)).catch(() => 0);
    this.#redis.disconnect();
  }

  /**
   * Without a connection, BullMQ waits for one, whatever happens meanwhile. A race with one promise for all waits would keep something of
   * each wait in memory until the end, and an idle agent waits every second.
   */
  #jobUnlessClosed(token: string, options: { readonly block: boolean }): Promise<Job<Placement> | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#stopWaiting = () => resolve(undefined);
      this.#worker.getNextJob(token, options).then(resolve, reject);
    });
  }

  /** BullMQ's keys do not expire by themselves. */
  async #refresh(): Promise<void> {
    if (this.#clock.nowMs() - this.#refreshedAtMs < KEYS_REFRESH_MS) return;
    this.#refreshedAtMs = this.#clock.nowMs();
    await expireKeys(this.#redis, queueKeys(this.#name));
  }
}

export type AgentIdentity = {
  readonly name: string;
  /** Of the process, unlike any other's. */
  readonly instance: string;
};

type PlacedRunParts = {
  readonly token: string;
  readonly clock: Clock;
  readonly redis: Redis;
};

class RedisPlacedRun implements PlacedRun {
  readonly placement: Placement;
  readonly #job: Job<Placement>;
  readonly #parts: PlacedRunParts;
  /** A read that waits would hold up everything else on its connection. */
  readonly #reader: Redis;
  readonly #outbound: OutboundMessages<FromAgent>;
  readonly #inbound = new InboundMessages<ToAgent>();
  /** ID of the last entry that arrived. */
  #lastId = '0-0';
  /** IDs of those that Redis still keeps. */
  #kept: string[] = [];
  #forgottenAtMs = Number.NEGATIVE_INFINITY;
  /** Entries that Redis handed out, but whose answer got lost, come again. */
  #mayHaveMissed = false;
  #isFinished = false;

  constructor(job: Job<Placement>, parts: PlacedRunParts) {
    this.#job = job;
    this.#parts = parts;
    this.#reader = parts.redis.duplicate();
    this.#reader.on('error', () => {});
    this.placement = job.data;
    const { epoch, runId } = job.data;
    const appends = new StreamAppends(parts.redis, parts.clock);
    this.#outbound = new OutboundMessages<FromAgent>(parts.clock, (entry) =>
      appends.append(inboundKey(runId), epoch, entry),
    );
  }

  async renew(leaseMs: number): Promise<Renewal> {
    const { redis, token } = this.#parts;
    const [extended, replies] = await Promise.all([
      this.#job.extendLock(token, leaseMs),
      redis.pipeline().pttl(coordinatorKey(this.placement.runId)).info('server').exec(),
    ]);
    const [leftMs, info] = resultsOf(replies);
    return {
      isHeld: Number(extended) === 1,
      coordinatorLeftMs: Number(leftMs) < 0 ? null : Number(leftMs),
      redisRunId: runIdIn(String(info)),
    };
  }

  send(message: FromAgent): void {
    this.#outbound.send(message);
  }

  onMessage(listener: (message: ToAgent) => void): void {
    void this.#read(listener);
  }

  flushed(): Promise<void> {
    return this.#outbound.flushed();
  }

  async finish(): Promise<void> {
    this.#isFinished = true;
    this.#outbound.stop();
    this.#reader.disconnect();
    const { token } = this.#parts;
    // Without its lock it cannot be completed, and nobody else would ever do so.
    await this.#job.moveToCompleted('done', token, false).catch(() => this.#job.remove().catch(() => {}));
  }

  async #read(listener: (message: ToAgent) => void): Promise<void> {
    const { clock } = this.#parts;
    await this.#reader.connect().catch(() => {});
    while (!this.#isFinished) {
      try {
        const entries = readEntries<ToAgent>(await this.#readRaw());
        if (this.#mayHaveMissed && entries.length === 0) this.#mayHaveMissed = false;
        for (const entry of entries) {
          this.#lastId = entry.id;
          this.#kept.push(entry.id);
          for (const message of this.#inbound.take(entry)) listener(message);
        }
        this.#forget();
      } catch {
        this.#mayHaveMissed = true;
        await pause(clock, READ_RETRY_MS);
      }
    }
  }

  async #readRaw(): Promise<RawRead> {
    const { epoch, runId } = this.placement;
    const from = this.#mayHaveMissed ? this.#lastId : '>';
    const group = ['GROUP', GROUP, GROUP, 'COUNT', READ_ENTRIES_MAX, 'BLOCK', READ_BLOCK_MS, 'STREAMS'] as const;
    return (await this.#reader.xreadgroup(...group, outboundKey(runId, epoch), from)) as RawRead;
  }

  #forget(): void {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#kept.length === 0 || nowMs - this.#forgottenAtMs < FORGET_INTERVAL_MS) return;
    this.#forgottenAtMs = nowMs;
    const { epoch, runId } = this.placement;
    const key = outboundKey(runId, epoch);
    const pipeline = this.#parts.redis.pipeline().xack(key, GROUP, ...this.#kept.splice(0));
    pipeline
      .xtrim(key, 'MINID', this.#lastId)
      .exec()
      .catch(() => null);
  }
}
