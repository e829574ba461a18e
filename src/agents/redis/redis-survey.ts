import type { Redis } from 'ioredis';
import { messageOf, OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import type { Clock } from '../../time/clock.ts';

/** The oldest Redis with all commands that agents use. Valkey began as Redis 7.2, and says so. */
const VERSION_MIN: readonly [major: number, minor: number] = [6, 2];

/** Every key of dpsload begins with it. */
const KEY_PREFIX = 'dpsload:';

/** Above this share of its memory, a few batches of messages could fill it. */
const MEMORY_SHARE_MAX = 0.8;

/** A launch crosses Redis once, and a repeated request three times, while its permit lapses after 3 s. */
const LATENCY_MAX_MS = 50;

/** One slow answer says nothing; the median of these does. */
const PINGS = 9;

export type SurveyRequest = {
  /** Host and port. */
  readonly place: string;
  /** Connections that the run and its agents will open. */
  readonly clientsNeeded: number;
  /** The connection has no TLS and leaves this machine. */
  readonly isInTheClear: boolean;
};

/** A look at Redis before a run depends on it. */
export type RedisSurvey = {
  /** `Redis 7.0.15` or `Valkey 8.0.1` and where, then what it does, as one line. */
  readonly description: string;
  /** What would be lost, and what to do about it, each as sentences. */
  readonly warnings: readonly string[];
};

/** @throws OperatorError `unreachable` with every reason why agents cannot use this Redis */
export async function surveyRedis(
  redis: Pick<Redis, 'info' | 'config' | 'ping' | 'eval'>,
  request: SurveyRequest,
  clock: Clock,
): Promise<RedisSurvey> {
  const info = await readInfo(redis);
  const latencyMs = await medianPingMs(redis, clock);
  const problems = [...infoProblems(info), ...(await writeProblems(redis))];
  if (problems.length > 0) throw new OperatorError('unreachable', problems);
  return describeRedis(info, { latencyMs, savePoints: await savePoints(redis), ...request });
}

/** The members of INFO by name; a service that hides some leaves them out. */
export type RedisInfo = ReadonlyMap<string, string>;

async function readInfo(redis: Pick<Redis, 'info'>): Promise<RedisInfo> {
  try {
    return parseInfo(await redis.info());
  } catch (error) {
    const remedy = 'Give its user the permission for INFO (ACL SETUSER NAME +info)';
    throw new OperatorError('unreachable', [problem(`Redis does not describe itself: ${messageOf(error)}`, remedy)]);
  }
}

export function parseInfo(text: string): RedisInfo {
  const lines = text.split('\n').map((line) => line.trim());
  return new Map(
    lines
      .filter((line) => line.includes(':') && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}

/** When Redis saves snapshots; empty = never, or it does not say, as with most hosted services. */
async function savePoints(redis: Pick<Redis, 'config'>): Promise<string> {
  try {
    const [, points] = (await redis.config('GET', 'save')) as readonly string[];
    return points ?? '';
  } catch {
    return '';
  }
}

async function medianPingMs(redis: Pick<Redis, 'ping'>, clock: Clock): Promise<number> {
  const tookMs: number[] = [];
  while (tookMs.length < PINGS) {
    const sentAtMs = clock.nowMs();
    await redis.ping();
    tookMs.push(clock.nowMs() - sentAtMs);
  }
  return tookMs.sort((a, b) => a - b)[(PINGS - 1) / 2] ?? 0;
}

/** Why agents cannot work with this Redis, whatever its state. */
export function infoProblems(info: RedisInfo): readonly Problem[] {
  const { name, version } = productOf(info);
  const [major = 0, minor = 0] = (info.get('redis_version') ?? '').split('.').map(Number);
  const [majorMin, minorMin] = VERSION_MIN;
  const isOld = major < majorMin || (major === majorMin && minor < minorMin);
  const old = problem(
    `Redis is version ${version}, but agents need at least ${majorMin}.${minorMin}`,
    'Use a newer Redis, or Valkey',
  );
  const cluster = problem(
    `${name} runs as a cluster, which does not keep the keys of one queue together`,
    'Use an instance without cluster mode; a small one is enough',
  );
  const replica = problem('this is a replica, which takes no writes', 'Name the primary instead');
  return [
    ...(isOld ? [old] : []),
    ...(info.get('cluster_enabled') === '1' ? [cluster] : []),
    ...(info.get('role') === 'slave' ? [replica] : []),
  ];
}

/** Valkey also gives the version of Redis that it is compatible with. */
function productOf(info: RedisInfo): { readonly name: string; readonly version: string } {
  const valkeyVersion = info.get('valkey_version');
  if (valkeyVersion !== undefined) return { name: 'Valkey', version: valkeyVersion };
  return { name: 'Redis', version: info.get('redis_version') ?? 'unknown' };
}

/** What all that follows needs: a script that writes below the prefix. */
const WRITE_SCRIPT = "redis.call('set', KEYS[1], '1', 'PX', 1000) return redis.call('del', KEYS[1])";

/** First words of the errors of Redis. */
const WRITE_REMEDIES: Readonly<Record<string, string>> = {
  OOM: 'Give it more memory (maxmemory), or remove what fills it',
  READONLY: 'Name the primary instead of a replica',
  MISCONF: 'Its last snapshot failed: free its disk, or set stop-writes-on-bgsave-error no',
  NOPERM: `Give its user all commands on ${KEY_PREFIX}* (ACL SETUSER NAME ~${KEY_PREFIX}* +@all)`,
  NOREPLICAS: 'Start its replicas, or set min-replicas-to-write 0',
};

async function writeProblems(redis: Pick<Redis, 'eval'>): Promise<readonly Problem[]> {
  try {
    await redis.eval(WRITE_SCRIPT, 1, `${KEY_PREFIX}survey`);
    return [];
  } catch (error) {
    const message = messageOf(error);
    const cause = Object.keys(WRITE_REMEDIES).find((word) => message.includes(word));
    const remedy = cause === undefined ? 'Check that it can be written to' : (WRITE_REMEDIES[cause] ?? null);
    return [problem(`Redis refuses to write: ${message}`, remedy)];
  }
}

export type RedisFacts = SurveyRequest & {
  /** Median time from a ping to its answer. */
  readonly latencyMs: number;
  /** As `save` of Redis has them; empty = none known. */
  readonly savePoints: string;
};

export function describeRedis(info: RedisInfo, facts: RedisFacts): RedisSurvey {
  const { latencyMs, clientsNeeded, isInTheClear, place } = facts;
  const { name, version } = productOf(info);
  const number = (member: string): number => Number(info.get(member) ?? 0);
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const [usedBytes, maxBytes] = [number('used_memory'), number('maxmemory')];
  const clientsLeft = number('maxclients') - number('connected_clients');
  const memory = maxBytes === 0 ? 'no memory limit' : `${formatMb(usedBytes)} of ${formatMb(maxBytes)} in use`;
  const warnings: readonly (readonly [applies: boolean, text: string])[] = [
    [
      policy !== 'noeviction' && policy !== 'unknown',
      `${name} deletes keys when its memory is full (maxmemory-policy ${policy}). Messages of the run would vanish, its agents would count as lost, and devices in flight would be registered again and marked possibly_twice. Set maxmemory-policy noeviction.`,
    ],
    [
      maxBytes > 0 && usedBytes > MEMORY_SHARE_MAX * maxBytes,
      `${name} has ${memory}. When it is full, agents stop within their lease, and devices in flight are registered again and marked possibly_twice. Raise maxmemory, or remove what fills it.`,
    ],
    [
      latencyMs > LATENCY_MAX_MS,
      `${name} answers in ${latencyMs.toFixed(0)} ms. Launches start later by as much, and permits reach agents late. Use one nearer to this machine and to the agents.`,
    ],
    [
      info.has('maxclients') && clientsLeft < clientsNeeded,
      `${name} takes ${clientsLeft} more connections (maxclients ${number('maxclients')}), but the run needs about ${clientsNeeded}. Agents beyond that cannot join. Raise maxclients, or use fewer agents.`,
    ],
    [
      isInTheClear,
      `The connection to ${name} is not encrypted. Its password, registration IDs and payloads cross the network in the clear. Use a rediss: URL.`,
    ],
  ];
  return {
    description: `${name} ${version} at ${place}: ${latencyMs.toFixed(1)} ms latency, ${memory}, ${persistenceOf(info, facts.savePoints)} (as reported). ${AFTER_RESTART}`,
    warnings: warnings.filter(([applies]) => applies).map(([, text]) => text),
  };
}

/** The journal of a run is not in Redis, and a restart ends every lease, whatever Redis finds on its disk. */
const AFTER_RESTART = 'If it restarts, devices in flight are registered again and marked possibly_twice.';

function persistenceOf(info: RedisInfo, points: string): string {
  if (info.get('aof_enabled') === '1') return 'all messages logged to its disk';
  return points === '' ? 'no persistence' : 'snapshots saved to its disk';
}

function formatMb(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
}
