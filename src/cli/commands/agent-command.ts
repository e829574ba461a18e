import { availableParallelism, hostname } from 'node:os';
import { Command } from 'commander';
import type { Prepared } from '../../agents/agent-host.ts';
import type { Placement } from '../../agents/agent-messages.ts';
import { type AllowedTarget, readAllowedTargets, targetProblems } from '../../agents/allowed-targets.ts';
import type { RedisTarget } from '../../agents/redis/redis-connection.ts';
import { resolveSecrets, type SecretSources } from '../../agents/resolve-secrets.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { targetAddresses } from '../../mqtt/host-addresses.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { ADDRESSES } from '../../scenario/notation/lists.ts';
import { readLabel } from '../../scenario/notation/local-agents.ts';
import { wholeNumberBetween } from '../../scenario/notation/notation.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { threadPool } from '../../worker/thread-pool.ts';
import type { StartWorkerPool } from '../../worker/worker-pool.ts';
import { listenForSignals } from '../host/stop-signals.ts';
import { appendValue, readFlag } from './options.ts';
import { type RedisFlags, redisOf, redisOptions } from './redis-options.ts';

type AgentFlags = RedisFlags & {
  readonly name?: string;
  readonly slots?: string;
  readonly label?: readonly string[];
  readonly allowTarget?: readonly string[];
  readonly fleet?: readonly string[];
  readonly localAddress?: string;
};

/** Worker threads; more than any machine has cores to spare. */
const SLOTS = wholeNumberBetween(1, 256);

/** Part of the names of keys in Redis, where a colon divides. */
const NAME = /^[\w.-]{1,64}$/;
const NAME_REMEDY = 'Use 1 to 64 letters, digits, dots, hyphens and underscores';

export function agentCommand(): Command {
  const command = new Command('agent')
    .description(
      'Hosts workers for runs that are started elsewhere with dpsload run --agents, one run after the other. Prints one ' +
        'JSON line on stdout once it can be found. The first SIGINT or SIGTERM lets registrations in flight finish, the ' +
        'second stops at once.',
    )
    .option('--name <name>', 'name of the agent, which no other agent has (default: the name of the machine)')
    .option('--slots <n>', 'how many workers it can host (default: cores − 1, at least 1)')
    .option('--label <name=value>', 'label, such as region=westeurope; repeatable (default: none)', appendValue)
    .option(
      '--allow-target <host[:port]>',
      'refuse runs whose target, or an address or name in its place, is none of these; repeatable (default: any target)',
      appendValue,
    )
    .option(
      '--fleet <file>',
      'copy of a fleet file that has keys in its rows, or names certificates; repeatable (default: none)',
      appendValue,
    )
    .option(
      '--local-address <addresses>',
      'source addresses of this machine, used in turn, separated by commas (default: as the run says)',
    )
    .addHelpText('after', AGENT_HELP);
  for (const option of redisOptions()) command.addOption(option);
  return command.action(async (flags: AgentFlags) => {
    const { labels, localAddresses, name, slots } = checkFlags(flags);
    const means: AgentMeans = {
      allowed: readAllowedTargets(flags.allowTarget ?? []),
      sources: { environment: process.env, fleetFiles: flags.fleet ?? [] },
      startPool: localAddresses === null ? threadPool() : fromAddresses(localAddresses, threadPool()),
    };
    const redis = await redisOf(flags, process.env);
    await serve({ labels, name, slots, version: dpsloadVersion() }, redis, means);
  });
}

type AgentFacts = {
  readonly name: string;
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
};

/** What the agent may do, and with which keys. */
type AgentMeans = {
  readonly allowed: readonly AllowedTarget[];
  readonly sources: SecretSources;
  readonly startPool: StartWorkerPool;
};

/** This machine's own addresses, instead of those that the run names for the coordinator's. */
function fromAddresses(localAddresses: readonly string[], startPool: StartWorkerPool): StartWorkerPool {
  return ({ setup, ...request }, events) =>
    startPool({ ...request, setup: { ...setup, tls: { ...setup.tls, localAddresses } } }, events);
}

function checkFlags({
  label = [],
  localAddress,
  name = hostname(),
  slots,
}: AgentFlags): Omit<AgentFacts, 'version'> & { readonly localAddresses: readonly string[] | null } {
  const problems: Problem[] = [];
  if (!NAME.test(name)) problems.push(problem(`--name ${quoteValue(name)} is not a name`, NAME_REMEDY));
  const labels = label.flatMap((text) => {
    const read = readLabel(text);
    if (read !== null) return [read];
    problems.push(problem(`--label ${quoteValue(text)} is not NAME=VALUE`, NAME_REMEDY));
    return [];
  });
  const wanted = readFlag('--slots', slots, SLOTS, problems) ?? Math.max(1, availableParallelism() - 1);
  const localAddresses = readFlag('--local-address', localAddress, ADDRESSES, problems);
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { name, slots: wanted, labels: Object.fromEntries(labels), localAddresses };
}

async function serve(agent: AgentFacts, redis: RedisTarget, means: AgentMeans): Promise<void> {
  const signals = listenForSignals();
  const [{ RedisAgentBus }, { serveAgent }, { watchVitals }] = await Promise.all([
    import('../../agents/redis/redis-agent-bus.ts'),
    import('../../agents/serve-agent.ts'),
    import('../../agents/agent-vitals.ts'),
  ]);
  const clockOriginMs = hrtimeMs();
  const clock = systemClock(clockOriginMs);
  const instance = `${hostname()}-${process.pid}-${Math.trunc(clock.epochMs())}`;
  try {
    await serveAgent({
      bus: await RedisAgentBus.connect({ name: agent.name, instance }, redis, clock),
      agent,
      host: {
        clock,
        clockOriginMs,
        version: agent.version,
        startPool: means.startPool,
        prepare: (placement) => prepare(placement, means),
        addressesOf: ({ nameResolution, target }) => targetAddresses(target, nameResolution),
        takeVitals: watchVitals(clock),
      },
      stops: signals,
      onReady: () => process.stdout.write(`${JSON.stringify({ ready: true, ...agent })}\n`),
      log: (text) => process.stderr.write(`agent ${agent.name}: ${text}\n`),
    });
  } finally {
    signals.dispose();
  }
}

/** From this machine's environment and files, by the names that the run gives; for a target that is not allowed, nothing is read. */
async function prepare(placement: Placement, { allowed, sources }: AgentMeans): Promise<Prepared> {
  const { nameResolution, secrets, serverName, target } = placement;
  const refused = targetProblems(allowed, { ...target, serverName, pinned: nameResolution.pinned });
  if (refused.length > 0) return { problems: refused };
  try {
    return await resolveSecrets(secrets, sources);
  } catch (error) {
    if (error instanceof OperatorError) return { problems: error.problems };
    throw error;
  }
}

const AGENT_HELP = `
Keys never travel: the agent reads those that the scenario of a run names from
its own environment and files, and refuses the run if it lacks one. Of a fleet
with the column device_key or with certificates it needs the same file
(--fleet), which it knows by its SHA-256. Payload columns and registration IDs
do travel over Redis.

Whoever can write to Redis can command its agents: give it a password, use TLS
(rediss:) across networks, and name the targets that agents may connect to
(--allow-target).

Example:
  export DPSLOAD_REDIS=redis://127.0.0.1:6379
  dpsload agent --name west-1 --label region=westeurope &
  dpsload run fleet.csv --host ... --agents 1
`;
