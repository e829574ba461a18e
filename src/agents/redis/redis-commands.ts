import type { ChainableCommander, Redis } from 'ioredis';
import type { Clock } from '../../time/clock.ts';
import type { StreamEntry } from '../message-stream.ts';
import { KEYS_EXPIRE_MS } from './redis-keys.ts';

/** One read of a stream waits at most this long for messages, within the time that a command may take. */
export const READ_BLOCK_MS = 1_000;
/** Enough to catch up in a few reads; what comes in one must fit into memory. */
export const READ_ENTRIES_MAX = 200;
/** After a read that failed. */
export const READ_RETRY_MS = 200;

/** An entry of a stream, as Redis answers. */
type RawEntry = readonly [id: string, fields: readonly string[]];

/** What Redis answers to XREAD and XREADGROUP for one stream; `null` = nothing came. */
export type RawRead = readonly (readonly [key: string, entries: readonly RawEntry[]])[] | null;

export type ReadEntry<Message> = StreamEntry<Message> & { readonly id: string; readonly epoch: number };

type Replies = Awaited<ReturnType<ChainableCommander['exec']>>;

/**
 * Appends to streams that are there; where one is not, nobody waits for the messages any more. What is appended in the same moment goes out
 * in one write, which costs more than the entries in it.
 */
export class StreamAppends {
  readonly #redis: Redis;
  readonly #clock: Clock;
  #gathering: { readonly pipeline: ChainableCommander; readonly replies: Promise<Replies> } | null = null;

  constructor(redis: Redis, clock: Clock) {
    this.#redis = redis;
    this.#clock = clock;
  }

  async append<Message>(key: string, epoch: number, { first, messages }: StreamEntry<Message>): Promise<void> {
    this.#gathering ??= this.#gather();
    const { pipeline, replies } = this.#gathering;
    const index = pipeline.length;
    pipeline.xadd(key, 'NOMKSTREAM', '*', 'epoch', epoch, 'first', first, 'messages', JSON.stringify(messages));
    resultsOf((await replies)?.slice(index, index + 1) ?? null);
  }

  #gather() {
    const pipeline = this.#redis.pipeline();
    const replies = new Promise<Replies>((resolve, reject) => {
      this.#clock.wakeAt(this.#clock.nowMs(), () => {
        this.#gathering = null;
        pipeline.exec().then(resolve, reject);
      });
    });
    return { pipeline, replies };
  }
}

/** Entries without their messages were deleted while they were pending. */
export function readEntries<Message>(raw: RawRead): readonly ReadEntry<Message>[] {
  return (raw?.[0]?.[1] ?? []).filter(([, fields]) => fields !== null).map(readEntry<Message>);
}

export function readEntry<Message>([id, fields]: RawEntry): ReadEntry<Message> {
  const named = new Map<string, string>();
  for (let index = 0; index < fields.length; index += 2) named.set(fields[index] ?? '', fields[index + 1] ?? '');
  return {
    id,
    epoch: Number(named.get('epoch')),
    first: Number(named.get('first')),
    messages: JSON.parse(named.get('messages') ?? '[]') as Message[],
  };
}

/** Lets keys go away by themselves when nobody uses them any more. */
export async function expireKeys(redis: Redis, keys: readonly string[]): Promise<void> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.pexpire(key, KEYS_EXPIRE_MS);
  await pipeline.exec();
}

/** The ID of the running Redis process. */
export async function readRunId(redis: Redis): Promise<string> {
  return runIdIn(await redis.info('server'));
}

export function runIdIn(info: string): string {
  const runId = /^run_id:(\S+)/m.exec(info)?.[1];
  if (runId === undefined) throw new Error('Redis does not say its run ID');
  return runId;
}

/** The results of a pipeline. @throws the error of the first command that failed */
export function resultsOf(replies: readonly (readonly [error: Error | null, result: unknown])[] | null): unknown[] {
  if (replies === null) throw new Error('Redis dropped the commands');
  return replies.map(([error, result]) => {
    if (error !== null) throw error;
    return result;
  });
}

/** Wall clocks are read in whole milliseconds. */
const WALL_CLOCK_STEP_MS = 1;

/** How far this machine's wall clock is ahead of that of Redis, and how far that may be wrong either way. */
export async function offsetToRedis(
  redis: Redis,
  epochMs: () => number,
): Promise<{ readonly offsetMs: number; readonly uncertaintyMs: number }> {
  const sentAtMs = epochMs();
  const [seconds, microseconds] = (await redis.time()).map(Number) as [number, number];
  const receivedAtMs = epochMs();
  const redisMs = seconds * 1_000 + microseconds / 1_000;
  const uncertaintyMs = (receivedAtMs - sentAtMs) / 2 + WALL_CLOCK_STEP_MS;
  return { offsetMs: (sentAtMs + receivedAtMs) / 2 - redisMs, uncertaintyMs };
}
