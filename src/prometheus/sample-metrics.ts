import type { Counter, Gauge, Registry } from 'prom-client';
import type { SampleRecord } from '../journal/journal-record.ts';
import { AgentMetrics } from './agent-metrics.ts';
import { counterIn, gaugeIn, MS_PER_SECOND, type Read } from './metric-makers.ts';

const SAMPLE_GAUGES: readonly Read<SampleRecord, number>[] = [
  ['registrations_in_flight', 'Registrations in flight.', ({ inFlight }) => inFlight],
  [
    'registrations_outstanding',
    'Registrations released to workers and not yet settled, in flight or waiting.',
    (each) => each.outstanding,
  ],
  ['cpu_cores', 'Cores that the load generator kept busy in the last second.', ({ cpuShare }) => cpuShare],
  ['resident_memory_bytes', 'Memory of the load generator.', ({ rssBytes }) => rssBytes],
];

/** Absent until known. */
const OPTIONAL_SAMPLE_GAUGES: readonly Read<SampleRecord, number | null>[] = [
  [
    'start_lag_max_seconds',
    'Longest start lag of the last second.',
    ({ startLagMaxMs: ms }) => ms && ms / MS_PER_SECOND,
  ],
  ['emulator_cpu_cores', 'Cores that the emulator kept busy.', ({ emulatorCpuShare }) => emulatorCpuShare],
  ['open_file_descriptors', 'Open files of the load generator.', ({ fileDescriptors }) => fileDescriptors],
  ['rate_allowed_per_second', 'Launches per second currently allowed.', (sample) => sample.rateAllowedPerSecond],
];

/** What each second's sample tells. */
export class SampleMetrics {
  readonly #registry: Registry;
  readonly #launches: Counter;
  readonly #gauges: readonly { readonly gauge: Gauge; readonly read: (sample: SampleRecord) => number }[];
  readonly #loopDelay: Gauge;
  readonly #optional = new Map<string, Gauge>();
  /** Created with the first agent. */
  #agents: AgentMetrics | null = null;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#launches = counterIn(registry, 'launches_total', 'Registrations launched.', []);
    this.#gauges = SAMPLE_GAUGES.map(([name, help, read]) => ({ gauge: gaugeIn(registry, name, help, []), read }));
    this.#loopDelay = gaugeIn(registry, 'loop_delay_max_seconds', 'Longest event-loop delay of the last second.', [
      'worker',
    ]);
  }

  sampled(sample: SampleRecord): void {
    this.#launches.inc(sample.launched);
    for (const { gauge, read } of this.#gauges) gauge.set(read(sample));
    for (const [worker, delayMs] of sample.loopDelayMaxMs.entries()) {
      this.#loopDelay.set({ worker }, delayMs / MS_PER_SECOND);
    }
    for (const [name, help, read] of OPTIONAL_SAMPLE_GAUGES) this.#setOptional(name, help, read(sample));
    if (sample.agents.length === 0) return;
    this.#agents ??= new AgentMetrics(this.#registry);
    for (const agent of sample.agents) this.#agents.sampled(agent);
  }

  #setOptional(name: string, help: string, value: number | null): void {
    if (value === null) return;
    const gauge = this.#optional.get(name) ?? gaugeIn(this.#registry, name, help, []);
    this.#optional.set(name, gauge);
    gauge.set(value);
  }
}
