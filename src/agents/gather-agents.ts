import { OperatorError, problem } from '../problem/operator-error.ts';
import { type Clock, pause } from '../time/clock.ts';
import type { AgentState, StartWorkerPool } from '../worker/worker-pool.ts';
import type { ListedAgent, RunBus } from './agent-bus.ts';
import type { PlacementNeeds } from './agent-messages.ts';
import { AgentPool } from './agent-pool.ts';
import { AgentRoster } from './agent-roster.ts';
import type { Hosting } from './hosting.ts';
import { problemsOfAgent } from './resolve-secrets.ts';

/** How often the start looks for agents. */
const GATHER_INTERVAL_MS = 200;
/** An operator who waits for longer is told for what. Agents that are there have answered by then. */
const SILENT_WAIT_MS = 2_000;
/** For agents that have a place to leave it when the run does not begin. */
const CALL_OFF_MS = 1_000;

export type GatherRequest = {
  readonly bus: RunBus;
  readonly clock: Clock;
  readonly needs: PlacementNeeds;
  readonly agents: number;
  readonly agentsMin: number;
  readonly withinMs: number;
  /** Label of the agents by which rows are pinned; `null` = they are not. */
  readonly pinLabel: string | null;
  /** Hears how many agents are missing, as soon as the wait is long, and when that changes. */
  readonly onWaiting: (missing: number) => void;
  /** Rejects when nobody wants the run any more. */
  readonly calledOff: Promise<never>;
};

/** The agents of a run that is about to begin: they have what it needs. */
export type GatheredAgents = {
  /** Workers that they can host. */
  readonly slots: number;
  readonly agents: readonly AgentState[];
  readonly startPool: StartWorkerPool;
  /** Outcomes that came from agents after they were given up; they do not count. */
  outcomesTooLate(): number;
  /** Lets the agents go, and removes the run from Redis. */
  end(): Promise<void>;
};

/**
 * Waits until so many agents have a place in the run and what it needs.
 *
 * @throws OperatorError `usage` with what agents lack; `unreachable` when too few came in time, or Redis cannot be reached
 */
export async function gatherAgents(request: GatherRequest): Promise<GatheredAgents> {
  const { agentsMin, bus, clock, needs, pinLabel, withinMs } = request;
  const roster = new AgentRoster({ bus, clock, needs });
  try {
    await gatherAll(request, roster);
  } catch (error) {
    await roster.end(CALL_OFF_MS);
    await bus.close();
    throw error;
  }
  const prepared = roster.hostings.filter(({ state }) => state === 'prepared');
  return {
    slots: prepared.reduce((sum, { agent }) => sum + agent.slots, 0),
    agents: prepared.map(({ shown }) => shown),
    startPool: (poolRequest, events) => new AgentPool({ roster, agentsMin, withinMs, pinLabel }, poolRequest, events),
    outcomesTooLate: () => roster.outcomesTooLate,
    async end() {
      await roster.end(CALL_OFF_MS);
      await bus.close();
    },
  };
}

async function gatherAll(
  { agents, bus, calledOff, clock, onWaiting, withinMs }: GatherRequest,
  roster: AgentRoster,
): Promise<void> {
  const beganAtMs = clock.nowMs();
  let toldMissing = 0;
  for (;;) {
    const alive = roster.hostings.filter(({ isOver }) => !isOver);
    const prepared = alive.filter(({ state }) => state === 'prepared');
    if (prepared.length >= agents) return;
    const lacking = roster.hostings.filter(({ state, lacks }) => state === 'refused' && lacks);
    if (lacking.length > 0 && prepared.length === alive.length) throw lackingAgents(lacking);
    if (clock.nowMs() >= beganAtMs + withinMs) {
      throw missingAgents(agents, withinMs, roster, await bus.listAgents().catch(() => null));
    }
    const missing = agents - prepared.length;
    if (missing !== toldMissing && clock.nowMs() >= beganAtMs + SILENT_WAIT_MS) {
      toldMissing = missing;
      onWaiting(missing);
    }
    // A Redis that cannot be reached may be there again in a moment.
    await offerPlaces(roster, agents - alive.length).catch(() => {});
    await Promise.race([pause(clock, GATHER_INTERVAL_MS), calledOff]);
  }
}

async function offerPlaces(roster: AgentRoster, count: number): Promise<void> {
  const refused = new Set(roster.hostings.filter(({ state }) => state === 'refused').map(({ agent }) => agent.name));
  const free = (await roster.free()).filter(({ name }) => !refused.has(name));
  for (const agent of free.slice(0, count)) await roster.offer(agent);
}

function lackingAgents(lacking: readonly Hosting[]): OperatorError {
  return new OperatorError(
    'usage',
    lacking.flatMap(({ agent, problems }) => problemsOfAgent(agent.name, problems)),
  );
}

function missingAgents(
  wanted: number,
  withinMs: number,
  roster: AgentRoster,
  listed: readonly ListedAgent[] | null,
): OperatorError {
  const ready = roster.hostings.filter(({ state }) => state === 'prepared').map(({ agent }) => agent.name);
  // What became of an offer says more than what the agent says of itself.
  const excuses = new Map([
    ...(listed ?? []).map((agent) => [agent.name, whyNot(agent, roster.version)] as const),
    ...roster.hostings.map((hosting) => [hosting.agent.name, answerOf(hosting)] as const),
  ]);
  for (const name of ready) excuses.delete(name);
  const missing = wanted - ready.length;
  const ofRedis = listed === null ? ['Redis cannot be reached'] : [];
  const there = ready.length === 0 ? 'none is ready' : `ready: ${ready.join(', ')}`;
  const reasons = [...ofRedis, there, ...[...excuses].map(([name, why]) => `${name} ${why}`)].join('; ');
  const message = `${missing} of ${wanted} ${wanted === 1 ? 'agent' : 'agents'} ${missing === 1 ? 'is' : 'are'} missing after ${withinMs / 1_000} s (${reasons})`;
  const fewer =
    wanted === 1
      ? 'or wait longer with --agents-within'
      : 'wait longer with --agents-within, or ask for fewer --agents';
  const remedy = `Start dpsload agent on more machines with the same Redis, ${fewer}`;
  return new OperatorError('unreachable', [problem(message, remedy)]);
}

function answerOf({ state, problems }: Hosting): string {
  if (state === 'refused') return `refused: ${problems.map(({ message }) => message).join(', ')}`;
  return state === 'offered' ? 'has not answered' : 'left again';
}

function whyNot({ run, version }: ListedAgent, own: string): string {
  if (version !== own) return `runs dpsload ${version}, and this is ${own}`;
  return run === null ? 'came too late' : `serves run ${run}`;
}
