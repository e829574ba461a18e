import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Redis, RedisOptions } from 'ioredis';
import { isLoopback } from '../../dps/loopback.ts';
import { readTextFile } from '../../files/read-text-file.ts';
import { OperatorError, problem, problemIn } from '../../problem/operator-error.ts';
import { REDIS_VARIABLE } from '../../scenario/scenario.ts';

/** Where Redis is, and how to be let in. Holds a password: never log it. */
export type RedisTarget = {
  readonly options: Pick<RedisOptions, 'host' | 'port' | 'username' | 'password' | 'db' | 'tls'>;
  /** `redis.example.net:6379`, for people. */
  readonly label: string;
  /** Without TLS, and to another machine. */
  readonly isInTheClear: boolean;
};

const PORT_DEFAULT = 6_379;
const REMEDY = 'Write redis://HOST:PORT, or rediss://USER:PASSWORD@HOST:PORT for TLS with a user';

/** Half a lease: a renewal that takes longer is as good as lost. */
const COMMAND_MAX_MS = 2_000;
const CONNECT_MAX_MS = 5_000;
const RECONNECT_MAX_MS = 1_000;

export type RedisSources = {
  /** `--redis`, which everyone on the machine can read. */
  readonly flag: string | null;
  /** `--redis-file` */
  readonly file: string | null;
  /** `DPSLOAD_REDIS` */
  readonly variable: string | null;
};

/** The first of flag, file and variable. @throws OperatorError `usage`; no message quotes a URL, which may hold a password */
export async function redisTarget({ flag, file, variable }: RedisSources): Promise<RedisTarget> {
  if (flag !== null && file !== null) {
    throw usage('both --redis and --redis-file given', 'Give one of them');
  }
  if (flag !== null) {
    const target = parseRedisUrl(flag, '--redis');
    if (target.options.password === undefined && target.options.username === undefined) return target;
    const remedy = `Set ${REDIS_VARIABLE} instead, or write the URL to a file for --redis-file`;
    throw usage('--redis contains a user or password, which every user of this machine can read there', remedy);
  }
  if (file !== null) return await readRedisFile(file);
  if (variable !== null) return parseRedisUrl(variable, REDIS_VARIABLE);
  throw usage(
    'no Redis given, through which agents and coordinator communicate',
    `Set ${REDIS_VARIABLE}, or give --redis-file`,
  );
}

async function readRedisFile(file: string): Promise<RedisTarget> {
  const target = parseRedisUrl((await readTextFile(file)).trim(), file);
  const isReadByOthers = (statSync(file).mode & 0o077) !== 0;
  if (!isReadByOthers || target.options.password === undefined) return target;
  const remedy = `Let only its owner read it: chmod 600 ${file}`;
  throw new OperatorError('usage', [problemIn(file, 'contains a password, and others may read it', remedy)]);
}

/** @param source for messages */
function parseRedisUrl(text: string, source: string): RedisTarget {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    throw usage(`${source} is not the URL of a Redis server`, REMEDY);
  }
  const db = url.pathname === '' || url.pathname === '/' ? 0 : Number(url.pathname.slice(1));
  if (!Number.isInteger(db) || db < 0) throw usage(`${source} names no database by its number`, REMEDY);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? PORT_DEFAULT : Number(url.port);
  const options = {
    host,
    port,
    db,
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    // A certificate is checked against an address too, but SNI has none.
    ...(url.protocol === 'rediss:' ? { tls: isIP(host) === 0 ? { servername: host } : {} } : {}),
  };
  const isInTheClear = url.protocol === 'redis:' && !isLoopback(host);
  return { options, label: `${url.hostname}:${port}`, isInTheClear };
}

function usage(message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [problem(message, remedy)]);
}

/** Commands fail at once while there is no connection, instead of waiting in a queue without bound. */
export function redisOptions({ options }: RedisTarget): RedisOptions & { replyMapping: 'legacy' } {
  return {
    ...options,
    replyMapping: 'legacy',
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    connectTimeout: CONNECT_MAX_MS,
    commandTimeout: COMMAND_MAX_MS,
    retryStrategy: (attempt) => Math.min(50 * attempt, RECONNECT_MAX_MS),
  };
}

/** Connects. @throws OperatorError `unreachable` */
export async function connectRedis(target: RedisTarget): Promise<Redis> {
  // Only a run on agents pays for loading it.
  const { Redis: Client } = await import('ioredis');
  const client = new Client(redisOptions(target));
  let reason = 'no answer';
  client.on('error', (error: Error) => {
    reason = error.message;
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.disconnect();
    const cause = error instanceof Error && !/^Connection is closed/.test(error.message) ? error.message : reason;
    throw new OperatorError('unreachable', [
      problem(`Redis at ${target.label} cannot be used: ${cause}`, connectRemedy(cause)),
    ]);
  }
}

/** @param cause in the words of Node, OpenSSL or Redis */
function connectRemedy(cause: string): string {
  if (/altnames/.test(cause)) return 'Use a name in the URL that is in the certificate of Redis';
  if (!/certificate/.test(cause)) return 'Check that Redis or Valkey runs there, and that user and password are right';
  return 'If a private CA signed the certificate of Redis, set NODE_EXTRA_CA_CERTS to the file with the certificate of that CA';
}
