import type { AgentRecord, AgentSample } from '../journal/agent-record.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { AgentState } from '../worker/worker-pool.ts';

/** What the workers of an agent reported since the last sample, added up. */
export type WorkersOfAgent = Pick<AgentSample, 'inFlight' | 'launched' | 'startLagMaxMs' | 'saturatedMs'> & {
  /** 0 without any worker. */
  readonly loopDelayMaxMs: number;
};

/** Describes the agents of a session for its samples. */
export class AgentSamples {
  /** As last recorded, by name. */
  readonly #recorded = new Map<string, string>();

  /** @param workersOf what these workers reported */
  take(
    agents: readonly AgentState[],
    workersOf: (workers: readonly number[]) => WorkersOfAgent,
  ): Pick<SampleRecord, 'agents' | 'joinedAgents'> {
    return {
      agents: agents.map((agent) => sampleOf(agent, workersOf(agent.workers))),
      joinedAgents: agents.map(recordOf).filter((record) => this.#isNew(record)),
    };
  }

  #isNew(record: AgentRecord): boolean {
    const text = JSON.stringify(record);
    if (this.#recorded.get(record.name) === text) return false;
    this.#recorded.set(record.name, text);
    return true;
  }
}

function recordOf({ name, labels, slots, version }: AgentState): AgentRecord {
  return { name, labels, slots, version };
}

function sampleOf(agent: AgentState, reported: WorkersOfAgent): AgentSample {
  const { name, workers, cpuShare, rssBytes, fileDescriptors, offsetMs, offsetUncertaintyMs, isLost } = agent;
  return {
    name,
    workers,
    ...reported,
    loopDelayMaxMs: Math.max(agent.loopDelayMaxMs, reported.loopDelayMaxMs),
    cpuShare,
    rssBytes,
    fileDescriptors,
    offsetMs,
    offsetUncertaintyMs,
    isLost,
  };
}
