import { hostname } from 'node:os';
import type { GatheredAgents } from '../../agents/gather-agents.ts';
import type { RedisTarget } from '../../agents/redis/redis-connection.ts';
import type { AttestationKeys } from '../../attestation/attestation-keys.ts';
import type { TargetName } from '../../journal/target-name.ts';
import { placeName } from '../../mqtt/tls-dialler.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { formatCount, formatNoun } from '../../report/format.ts';
import type { RunRequest } from '../../run/run-request.ts';
import { StoppedBeforeStart, type StopRequests, stopRequested } from '../../run/stop-request.ts';
import type { UsableFleet } from '../../run-folder/rejected-rows.ts';
import {
  type AgentChoice,
  type AttestationChoice,
  GROUP_KEY_VARIABLE,
  type LocalAgent,
  REDIS_VARIABLE,
  type Scenario,
} from '../../scenario/scenario.ts';
import type { Clock } from '../../time/clock.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { type WarmThreads, warmThreads } from '../../worker/thread-pool.ts';
import { emulatorEnvironment } from '../host/embedded-emulator.ts';
import { fitted, warningLines } from '../view/terminal-line.ts';
import { redisOf } from './redis-options.ts';

/** The workers of a run before it begins. */
export type RunWorkers = Pick<WarmThreads, 'startPool' | 'end'> & {
  /** With the number of workers that there are. */
  readonly scenario: Scenario;
  /** That host them at the start; none = threads of this machine. */
  readonly agents: RunRequest['agents'];
  /** What to say of them before the start and after the end. */
  notices(): readonly string[];
};

export function threadWorkers(scenario: Scenario): RunWorkers {
  return { ...warmThreads(scenario.load.workers), scenario, agents: [], notices: () => [] };
}

type AgentsWanted = {
  readonly scenario: Scenario;
  readonly fleet: Pick<UsableFleet, 'digest' | 'bytes' | 'rejectedRows'>;
  /** Where the agents are. */
  readonly redis: RedisTarget | null;
};

type Coordinator = {
  readonly target: TargetName;
  /** Of dpsload. */
  readonly version: string;
  readonly stopRequests: StopRequests;
};

/**
 * Waits for the agents that the scenario asks for.
 *
 * @throws OperatorError `unreachable` when they, or Redis, are not there in time; `usage` with what they lack
 * @throws StoppedBeforeStart when the operator stops it before that
 */
export async function agentWorkers(
  { fleet, redis, scenario }: AgentsWanted,
  { stopRequests, target, version }: Coordinator,
): Promise<RunWorkers> {
  const { agents, nameResolution, tls } = scenario;
  if (agents === null || redis === null) throw new Error('a run on agents needs Redis');
  const [{ RedisRunBus }, { gatherAgents }, { secretNames }] = await Promise.all([
    import('../../agents/redis/redis-run-bus.ts'),
    import('../../agents/gather-agents.ts'),
    import('../../agents/resolve-secrets.ts'),
  ]);
  const clock = systemClock(hrtimeMs());
  const calledOff = stopRequested(stopRequests).then(({ reason }) => {
    throw new StoppedBeforeStart(reason);
  });
  // It is raced against, again and again, until the start.
  calledOff.catch(() => {});
  const secrets = await secretNames(scenario, fleet);
  await lookAtRedis(redis, agents, clock);
  const bus = await RedisRunBus.connect(newRunId(clock.epochMs()), redis, clock);
  const { host, idScope, port } = target;
  const needs = { version, target: { host, port, idScope }, serverName: tls.serverName, nameResolution, secrets };
  const { count, min: agentsMin, withinMs } = agents;
  const pinLabel = agents.pinBy?.label ?? null;
  const gathered = await gatherAgents({
    bus,
    clock,
    needs,
    agents: count,
    agentsMin,
    withinMs,
    pinLabel,
    onWaiting: (missing) => showWaiting(missing, agents),
    calledOff,
  });
  try {
    const workers = workersOn(gathered, agents, scenario.load.concurrency);
    return {
      startPool: gathered.startPool,
      agents: gathered.agents,
      end: () => gathered.end(),
      scenario: { ...scenario, load: { ...scenario.load, workers } },
      notices: () => noticesOf(gathered),
    };
  } catch (error) {
    await gathered.end();
    throw error;
  }
}

function showWaiting(missing: number, { count, withinMs }: AgentChoice): void {
  const text = `waiting for ${formatCount(missing)} of ${formatNoun(count, 'agent')}, up to ${withinMs / 1_000} s (--agents-within)`;
  process.stderr.write(fitted(`${text}\n`, process.stderr));
}

/**
 * Starts the agents that the scenario wants on this machine, and waits for them.
 *
 * @param keys of the run, among them a group key that was created for it
 * @throws as `agentWorkers`, and OperatorError `local` when they do not start
 */
export async function localAgentWorkers(
  wanted: Omit<AgentsWanted, 'redis'>,
  local: readonly LocalAgent[],
  keys: AttestationKeys,
  coordinator: Coordinator,
): Promise<RunWorkers> {
  const { startLocalAgents } = await import('../host/local-agents.ts');
  const { scenario } = wanted;
  const { redisUrl, stop } = await startLocalAgents({
    agents: local,
    workers: scenario.agents?.workers ?? null,
    allowedTargets: connectionTargets(coordinator.target, scenario),
    fleetFile: scenario.fleet.file,
    environment: emulatorEnvironment(keys, process.env),
  });
  try {
    const redis = await redisOf({}, { [REDIS_VARIABLE]: redisUrl });
    const attestation = namedKey(scenario.attestation, keys);
    const workers = await agentWorkers({ ...wanted, redis, scenario: { ...scenario, attestation } }, coordinator);
    const end = async (): Promise<void> => {
      await workers.end();
      await stop();
    };
    return { ...workers, end, scenario: { ...workers.scenario, attestation: scenario.attestation } };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A group key that was created for the run is in the environment of the agents. */
function namedKey(attestation: AttestationChoice, keys: AttestationKeys): AttestationChoice {
  if (attestation.kind !== 'group-key' || attestation.key !== null) return attestation;
  if (keys.kind !== 'group-key' || keys.defaultKey === null) return attestation;
  return { ...attestation, key: { kind: 'environment', variable: GROUP_KEY_VARIABLE } };
}

/** The places that the run's connections name, as `--allow-target` takes them. */
function connectionTargets({ host, port }: TargetName, { nameResolution, tls }: Scenario): readonly string[] {
  const names = [
    host,
    ...nameResolution.pinned.map(({ address }) => address),
    ...(tls.serverName === null ? [] : [tls.serverName]),
  ];
  return names.map((name) => placeName({ host: name, port }));
}

/** An agent has four; the coordinator has two, and one for each queue that it fills. */
const CONNECTIONS_PER_AGENT = 5;

/** Says what Redis is, and warns of what would be lost. @throws OperatorError `unreachable` when agents cannot use it */
async function lookAtRedis(target: RedisTarget, { count }: AgentChoice, clock: Clock): Promise<void> {
  const [{ connectRedis }, { surveyRedis }] = await Promise.all([
    import('../../agents/redis/redis-connection.ts'),
    import('../../agents/redis/redis-survey.ts'),
  ]);
  const redis = await connectRedis(target);
  try {
    const { isInTheClear, label: place } = target;
    const request = { place, clientsNeeded: CONNECTIONS_PER_AGENT * count, isInTheClear };
    const { description, warnings } = await surveyRedis(redis, request, clock);
    process.stderr.write(fitted(`${description}\n`, process.stderr));
    process.stderr.write(warningLines(warnings, process.stderr));
  } finally {
    redis.disconnect();
  }
}

/** BullMQ allows no colon in it. */
function newRunId(epochMs: number): string {
  return `${hostname().replace(/[^\w.-]/g, '_')}-${process.pid}-${Math.trunc(epochMs)}`;
}

function workersOn({ agents, slots }: GatheredAgents, choice: AgentChoice, concurrency: number): number {
  const workers = Math.min(choice.workers ?? slots, concurrency);
  if (workers > slots) {
    const message = `--workers asks for ${formatCount(workers)} workers, but the agents have ${formatNoun(slots, 'slot')}`;
    throw new OperatorError('usage', [problem(message, 'Lower --workers, or start agents with more --slots')]);
  }
  if (workers < agents.length) {
    const message = `${formatNoun(workers, 'worker')} cannot run on ${formatNoun(agents.length, 'agent')}`;
    const remedy = 'Raise --workers or --concurrency to at least one for each agent, or ask for fewer --agents';
    throw new OperatorError('usage', [problem(message, remedy)]);
  }
  return workers;
}

function noticesOf(gathered: GatheredAgents): readonly string[] {
  const tooLate = gathered.outcomesTooLate();
  if (tooLate === 0) return [];
  const came = `${formatNoun(tooLate, 'outcome')} came from agents that had been given up`;
  return [`${came}: not counted, since their rows were registered again and marked possibly_twice.`];
}
