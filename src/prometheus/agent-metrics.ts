import type { Counter, Gauge, Registry } from 'prom-client';
import type { AgentSample } from '../journal/agent-record.ts';
import { counterIn, gaugeIn, MS_PER_SECOND, type Read } from './metric-makers.ts';

const AGENT_GAUGES: readonly Read<AgentSample, number | null>[] = [
  ['agent_registrations_in_flight', 'Registrations in flight on the agent.', ({ inFlight }) => inFlight],
  ['agent_cpu_cores', 'Cores that the agent kept busy.', ({ cpuShare }) => cpuShare],
  ['agent_resident_memory_bytes', 'Memory of the agent.', ({ rssBytes }) => rssBytes],
  ['agent_open_file_descriptors', 'Open files of the agent.', ({ fileDescriptors }) => fileDescriptors],
  [
    'agent_start_lag_max_seconds',
    'Longest start lag of the last second on the agent.',
    ({ startLagMaxMs: ms }) => ms && ms / MS_PER_SECOND,
  ],
  [
    'agent_loop_delay_max_seconds',
    'Longest event-loop delay of the last second on the agent.',
    ({ loopDelayMaxMs }) => loopDelayMaxMs / MS_PER_SECOND,
  ],
  [
    'agent_clock_offset_seconds',
    'Clock of the agent relative to the clock of the run.',
    ({ offsetMs }) => offsetMs / MS_PER_SECOND,
  ],
  [
    'agent_clock_uncertainty_seconds',
    'How far the offset of the clock may be wrong either way.',
    ({ offsetUncertaintyMs }) => offsetUncertaintyMs / MS_PER_SECOND,
  ],
];

const AGENT_LABEL = 'agent';

/** The agents that host the workers. */
export class AgentMetrics {
  readonly #launches: Counter;
  readonly #up: Gauge;
  readonly #gauges: readonly { readonly gauge: Gauge; readonly read: (agent: AgentSample) => number | null }[];

  constructor(registry: Registry) {
    const labels = [AGENT_LABEL];
    this.#launches = counterIn(registry, 'agent_launches_total', 'Registrations launched by the agent.', labels);
    this.#up = gaugeIn(registry, 'agent_up', '1 = the agent takes part, 0 = it is lost.', labels);
    this.#gauges = AGENT_GAUGES.map(([name, help, read]) => ({ gauge: gaugeIn(registry, name, help, labels), read }));
  }

  /** Of a lost agent, nothing but that is known. */
  sampled(agent: AgentSample): void {
    const labels = { [AGENT_LABEL]: agent.name };
    this.#launches.inc(labels, agent.launched);
    this.#up.set(labels, Number(!agent.isLost));
    for (const { gauge, read } of this.#gauges) {
      const value = agent.isLost ? null : read(agent);
      if (value === null) gauge.remove(labels);
      else gauge.set(labels, value);
    }
  }
}
