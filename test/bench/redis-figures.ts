import type { Redis } from 'ioredis';

/** What Redis has done so far, and what it holds. */
export type RedisFigures = {
  readonly commands: number;
  readonly cpuMs: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Largest amount so far. */
  readonly peakBytes: number;
  /** Calls of each command. */
  readonly calls: Readonly<Record<string, number>>;
};

/** Reads INFO (https://redis.io/docs/latest/commands/info/). */
export async function redisFigures(redis: Redis): Promise<RedisFigures> {
  const text = await redis.info('everything');
  const of = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1]);
  const calls = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = '', count]) => [
    name,
    Number(count),
  ]);
  return {
    commands: of('total_commands_processed'),
    cpuMs: (of('used_cpu_sys') + of('used_cpu_user')) * 1_000,
    inputBytes: of('total_net_input_bytes'),
    outputBytes: of('total_net_output_bytes'),
    peakBytes: of('used_memory_peak'),
    calls: Object.fromEntries(calls),
  };
}

/** What it did in between; the peak is that at the end. */
export function redisWork(before: RedisFigures, after: RedisFigures): RedisFigures {
  const calls = Object.entries(after.calls).map(([name, count]) => [name, count - (before.calls[name] ?? 0)]);
  return {
    commands: after.commands - before.commands,
    cpuMs: after.cpuMs - before.cpuMs,
    inputBytes: after.inputBytes - before.inputBytes,
    outputBytes: after.outputBytes - before.outputBytes,
    peakBytes: after.peakBytes,
    calls: Object.fromEntries(calls),
  };
}
