import type { Redis } from 'ioredis';
import type { Clock } from '../../time/clock.ts';
import type { ListedAgent } from '../agent-bus.ts';
import { offsetToRedis } from './redis-commands.ts';
import { AGENTS_KEY, presenceKey } from './redis-keys.ts';

/** What an agent leaves in Redis, with its clock relative to that of Redis. */
export type PresenceRecord = ListedAgent & {
  /** Of the process, so that two with one name notice each other. */
  readonly instance: string;
};

/** All agents that are there, by name, with their clocks relative to this machine's. */
export async function listAgents(redis: Redis, clock: Pick<Clock, 'epochMs'>): Promise<readonly ListedAgent[]> {
  const names = (await redis.smembers(AGENTS_KEY)).toSorted();
  if (names.length === 0) return [];
  const own = await offsetToRedis(redis, () => clock.epochMs());
  const texts = await redis.mget(names.map(presenceKey));
  const gone = names.filter((_, index) => texts[index] === null);
  if (gone.length > 0) await redis.srem(AGENTS_KEY, ...gone);
  return texts.flatMap((text) => {
    if (text === null) return [];
    const { instance: _instance, ...agent } = JSON.parse(text) as PresenceRecord;
    const offsetMs = agent.offsetMs - own.offsetMs;
    return [{ ...agent, offsetMs, offsetUncertaintyMs: agent.offsetUncertaintyMs + own.uncertaintyMs }];
  });
}
