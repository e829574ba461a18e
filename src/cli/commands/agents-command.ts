import { Command } from 'commander';
import type { ListedAgent } from '../../agents/agent-bus.ts';
import { describeOffset } from '../../report/agents-text.ts';
import { ABSENT } from '../../report/format.ts';
import { textTable } from '../../report/text-table.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { paletteOf } from '../view/colors.ts';
import { noColorOption } from './options.ts';
import { type RedisFlags, redisOf, redisOptions } from './redis-options.ts';

type AgentsFlags = RedisFlags & { readonly json?: boolean; readonly color: boolean };

export function agentsCommand(): Command {
  const command = new Command('agents')
    .description(
      'Lists connected agents, each with its labels, slots, version, clock relative to this machine, and the run ' +
        'that it serves.',
    )
    .option('--json', 'print a JSON array (default: no)')
    .addOption(noColorOption());
  for (const option of redisOptions()) command.addOption(option);
  return command.action(async (flags: AgentsFlags) => {
    const agents = await readAgents(flags);
    if (flags.json) process.stdout.write(`${JSON.stringify(agents, null, 2)}\n`);
    else if (agents.length > 0) process.stdout.write(agentsText(agents, paletteOf(process.stdout, flags.color).dim));
    else process.stderr.write('No agents found\n');
  });
}

async function readAgents(flags: AgentsFlags): Promise<readonly ListedAgent[]> {
  const target = await redisOf(flags, process.env);
  const [{ connectRedis }, { listAgents }] = await Promise.all([
    import('../../agents/redis/redis-connection.ts'),
    import('../../agents/redis/presence.ts'),
  ]);
  const redis = await connectRedis(target);
  try {
    return await listAgents(redis, systemClock(hrtimeMs()));
  } finally {
    redis.disconnect();
  }
}

function agentsText(agents: readonly ListedAgent[], dim: (text: string) => string): string {
  const rows = agents.map(({ labels, name, offsetMs, offsetUncertaintyMs, run, slots, version }) => [
    name,
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ') || ABSENT,
    String(slots),
    version,
    `${describeOffset({ offsetMs, offsetUncertaintyMs })} ms`,
    run ?? ABSENT,
  ]);
  const [head = '', ...lines] = textTable([['agent', 'labels', 'slots', 'version', 'clock', 'run'], ...rows], 'left');
  return `${[dim(head), ...lines].join('\n')}\n`;
}
