import { Option } from 'commander';
import type { RedisTarget } from '../../agents/redis/redis-connection.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { type AgentChoice, type Environment, REDIS_VARIABLE } from '../../scenario/scenario.ts';
import { redisServerProgram } from '../host/local-agents.ts';

export type RedisFlags = { readonly redis?: string; readonly redisFile?: string };

/** Where agents and coordinators meet. */
export function redisOptions(): readonly Option[] {
  return [
    new Option(
      '--redis-file <file>',
      `file with the URL of Redis or Valkey, such as rediss://user:password@redis.example.net:6380 (default: none; ${REDIS_VARIABLE} has the URL itself)`,
    ),
    new Option('--redis <url>', 'the URL itself, if it has no password: others can read it (default: none)'),
  ];
}

/** @throws OperatorError `usage` */
export async function redisOf({ redis, redisFile }: RedisFlags, environment: Environment): Promise<RedisTarget> {
  // Only what needs agents pays for loading it.
  const { redisTarget } = await import('../../agents/redis/redis-connection.ts');
  const variable = environment[REDIS_VARIABLE] ?? '';
  return redisTarget({ flag: redis ?? null, file: redisFile ?? null, variable: variable === '' ? null : variable });
}

/** Where a run meets its agents; `null` = it needs no Redis, or starts one. @throws OperatorError `usage` when it cannot start one */
export async function redisOfRun(
  agents: AgentChoice | null,
  flags: RedisFlags,
  environment: Environment,
): Promise<RedisTarget | null> {
  if (agents === null) return null;
  if (agents.local === null) return await redisOf(flags, environment);
  if (flags.redis !== undefined || flags.redisFile !== undefined) {
    const message = 'a run with --local-agent starts a Redis of its own';
    throw new OperatorError('usage', [problem(message, 'Remove --redis and --redis-file')]);
  }
  redisServerProgram(environment);
  return null;
}
