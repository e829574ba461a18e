import type { AgentPresence, Placement } from '../../src/agents/agent-messages.ts';
import type { SimulatedLoop } from './simulated-loop.ts';
import type { SimulatedRandom } from './simulated-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What Redis still has after it was started anew. */
export type Kept = 'everything' | 'all-but-the-last-second' | 'nothing';

export type SimulatedEntry = {
  readonly id: number;
  readonly atMs: number;
  readonly epoch: number;
  readonly first: number;
  readonly json: string;
};

type Stream = { entries: SimulatedEntry[]; handedOutId: number };
type Expiring<Value> = { readonly value: Value; readonly untilMs: number };

/** As much of Redis as runs on many machines need: keys that expire, streams, queues of placements. */
export class SimulatedRedis {
  readonly clock: VirtualClock;
  readonly #expiring = new Map<string, Expiring<unknown>>();
  readonly #queues = new Map<string, Placement[]>();
  readonly #streams = new Map<string, Stream>();
  #readers: (() => void)[] = [];
  #starts = 1;
  #lastId = 0;
  upAtMs = 0;
  isFull = false;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  get runId(): string {
    return `redis-${this.#starts}`;
  }

  restart(downMs: number, kept: Kept): void {
    const nowMs = this.clock.nowMs();
    this.#starts += 1;
    this.upAtMs = nowMs + downMs;
    if (kept === 'nothing') for (const part of [this.#expiring, this.#queues, this.#streams]) part.clear();
    if (kept === 'all-but-the-last-second') {
      for (const stream of this.#streams.values()) {
        stream.entries = stream.entries.filter(({ atMs }) => atMs < nowMs - 1_000);
        stream.handedOutId = Math.min(stream.handedOutId, stream.entries.at(-1)?.id ?? 0);
      }
    }
    this.#wakeReaders();
  }

  /** @returns what is left of a key, `null` = it is not there */
  leftMs(key: string): number | null {
    const leftMs = (this.#expiring.get(key)?.untilMs ?? 0) - this.clock.nowMs();
    return leftMs > 0 ? leftMs : null;
  }

  get<Value>(key: string): Value | null {
    return this.leftMs(key) === null ? null : (this.#expiring.get(key)?.value as Value);
  }

  set(key: string, value: unknown, forMs: number): void {
    this.#refuseIfFull();
    this.#expiring.set(key, { value, untilMs: this.clock.nowMs() + forMs });
  }

  delete(key: string): void {
    this.#expiring.delete(key);
    this.#streams.delete(key);
  }

  presences(): readonly AgentPresence[] {
    const keys = [...this.#expiring.keys()].filter((key) => key.startsWith('presence:')).toSorted();
    return keys.flatMap((key) => this.get<{ presence: AgentPresence }>(key)?.presence ?? []);
  }

  enqueue(agent: string, placement: Placement): void {
    this.#refuseIfFull();
    this.#queues.set(agent, [...(this.#queues.get(agent) ?? []), JSON.parse(JSON.stringify(placement)) as Placement]);
    this.#wakeReaders();
  }

  dequeue(agent: string): Placement | null {
    if ((this.#queues.get(agent) ?? []).length > 0) this.#refuseIfFull();
    return this.#queues.get(agent)?.shift() ?? null;
  }

  removeJob(agent: string, epoch: number): void {
    const queue = this.#queues.get(agent) ?? [];
    this.#queues.set(
      agent,
      queue.filter((placement) => placement.epoch !== epoch),
    );
  }

  createStream(key: string): void {
    if (!this.#streams.has(key)) this.#streams.set(key, { entries: [], handedOutId: 0 });
  }

  /** To a stream that is not there nothing is appended. */
  append(key: string, entry: Omit<SimulatedEntry, 'id' | 'atMs'>): void {
    this.#refuseIfFull();
    this.#streams.get(key)?.entries.push({ ...entry, id: ++this.#lastId, atMs: this.clock.nowMs() });
    this.#wakeReaders();
  }

  /** @returns entries after that; `null` = there is no such stream */
  after(key: string, id: number): readonly SimulatedEntry[] | null {
    return this.#streams.get(key)?.entries.filter((entry) => entry.id > id) ?? null;
  }

  handOut(key: string, sinceId: number | null): readonly SimulatedEntry[] | null {
    const stream = this.#streams.get(key);
    if (stream === undefined) return null;
    const entries = stream.entries.filter(({ id }) =>
      sinceId === null ? id > stream.handedOutId : id > sinceId && id <= stream.handedOutId,
    );
    if (sinceId === null) stream.handedOutId = entries.at(-1)?.id ?? stream.handedOutId;
    return entries;
  }

  trimTo(key: string, id: number): void {
    const stream = this.#streams.get(key);
    if (stream !== undefined) stream.entries = stream.entries.filter((entry) => entry.id >= id);
  }

  /** @returns what was never handed out */
  takeRest(key: string): readonly SimulatedEntry[] {
    const rest = this.handOut(key, null) ?? [];
    this.delete(key);
    return rest;
  }

  onNews(listener: () => void): void {
    this.#readers.push(listener);
  }

  #wakeReaders(): void {
    for (const reader of this.#readers.splice(0)) reader();
  }

  #refuseIfFull(): void {
    if (this.isFull) throw new Error('OOM command not allowed when used memory > maxmemory');
  }
}

/** As in `redis-connection.ts`. */
const COMMAND_MAX_MS = 2_000;
const READ_BLOCK_MS = 1_000;
const RECONNECT_MAX_MS = 1_000;

/** One process's connection to Redis: commands and answers keep their order, and a cut delays them until it heals, as TCP does. */
export class RedisLink {
  readonly redis: SimulatedRedis;
  readonly loop: SimulatedLoop;
  readonly #random: SimulatedRandom;
  readonly #latencyMaxMs: number;
  readonly #clear = { to: 0, from: 0 };
  #lastToMs = 0;
  #lastFromMs = 0;

  constructor(redis: SimulatedRedis, loop: SimulatedLoop, random: SimulatedRandom, latencyMaxMs: number) {
    this.redis = redis;
    this.loop = loop;
    this.#random = random;
    this.#latencyMaxMs = latencyMaxMs;
  }

  cut(direction: 'to' | 'from', untilMs: number): void {
    this.#clear[direction] = Math.max(this.#clear[direction], untilMs);
  }

  /** Rejects when no answer came in time; the command may be carried out nevertheless, and later. */
  command<Value>(execute: () => Value): Promise<Value> {
    return this.#ask((answer) => answer(execute));
  }

  /** Waits for a moment until `look` finds something. */
  read<Value>(look: () => readonly Value[]): Promise<readonly Value[]> {
    const { clock } = this.redis;
    return this.#ask((answer) => {
      const overAtMs = clock.nowMs() + READ_BLOCK_MS;
      let isOver = false;
      const again = (): void => {
        if (isOver) return;
        let found: readonly Value[] = [];
        try {
          found = look();
        } catch (error) {
          isOver = true;
          answer(() => {
            throw error;
          });
          return;
        }
        if (found.length === 0 && clock.nowMs() < overAtMs) this.redis.onNews(again);
        else {
          isOver = true;
          answer(() => found);
        }
      };
      clock.wakeAt(overAtMs, again);
      again();
    });
  }

  #ask<Value>(carryOut: (answer: (result: () => Value) => void) => void): Promise<Value> {
    const { clock } = this.redis;
    return new Promise((resolve, reject) => {
      const timeout = clock.wakeAt(clock.nowMs() + COMMAND_MAX_MS, () =>
        this.loop.run(() => reject(new Error('Command timed out'))),
      );
      const answer = (result: () => Value): void => {
        const settle = settled(result, resolve, reject);
        this.#lastFromMs = Math.max(this.#lastFromMs, clock.nowMs() + this.#latencyMs(), this.#clear.from);
        clock.wakeAt(this.#lastFromMs, () => {
          timeout.cancel();
          this.loop.run(settle);
        });
      };
      this.#lastToMs = Math.max(this.#lastToMs, clock.nowMs() + this.#latencyMs(), this.#clear.to);
      this.#arriveAt(this.#lastToMs, () => carryOut(answer), reject);
    });
  }

  /** While Redis is down, commands wait for the next connection; of those under way some are lost with the old one. */
  #arriveAt(atMs: number, arrive: () => void, reject: (error: Error) => void): void {
    const { redis } = this;
    redis.clock.wakeAt(atMs, () => {
      if (redis.clock.nowMs() >= redis.upAtMs) arrive();
      else if (this.#random.chance(0.3)) this.loop.run(() => reject(new Error('Connection is closed.')));
      else {
        this.#lastToMs = Math.max(this.#lastToMs, redis.upAtMs + this.#random.whole(0, RECONNECT_MAX_MS));
        this.#arriveAt(this.#lastToMs, arrive, reject);
      }
    });
  }

  #latencyMs(): number {
    return 0.1 + this.#random.next() * this.#latencyMaxMs;
  }
}

function settled<Value>(result: () => Value, resolve: (value: Value) => void, reject: (error: unknown) => void) {
  try {
    const value = result();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}
