import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AgentSample } from '../journal/agent-record.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { TargetName } from '../journal/target-name.ts';
import { ERROR_GROUPS_MAX, FAILED_RESULTS } from '../metrics/outcome-counts.ts';
import { outcomeTimes } from '../metrics/outcome-times.ts';
import type { EventCounts } from '../registration/event-counts.ts';
import { REGISTRATION_RESULTS, type RegistrationOutcome } from '../registration/registration-outcome.ts';

const MS_PER_SECOND = 1_000;

/**
 * Upper bounds, 10 ms to 10 min. From 0.1 s to 10 s, where answers of the service lie, each is at most 1.5 times the one before: a quantile
 * that Prometheus interpolates in a bucket is off by less than that. Above are throttled devices, up to the longest usual deadline.
 */
export const TIME_BUCKETS_SECONDS = Object.freeze([
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15,
  20, 30, 45, 60, 90, 120, 300, 600,
]);

/** A metric's name without `dpsload_`, its help, and how to read its value. */
type Read<From, Value> = readonly [name: string, help: string, read: (from: From) => Value];

const EVENT_COUNTERS: readonly Read<EventCounts, number>[] = [
  ['connections_total', 'Connections opened.', ({ attempts }) => attempts],
  ['connections_lost_total', 'Connections that failed or went silent.', ({ connectionsLost }) => connectionsLost],
  ['register_requests_total', 'Register requests, which the service bills.', ({ registersSent }) => registersSent],
  ['polls_total', 'Polls of operations.', ({ polls }) => polls],
  ['throttles_total', 'Responses with status 429.', ({ throttles }) => throttles],
  ['server_errors_total', 'Responses with status 5xx, or unreadable.', ({ serverErrors }) => serverErrors],
  ['stale_answers_total', 'Responses that matched no request.', ({ staleAnswers }) => staleAnswers],
  [
    'retry_afters_clamped_total',
    'Responses with a retry-after above the limit.',
    (counts) => counts.retryAftersClamped,
  ],
];

type Times = NonNullable<ReturnType<typeof outcomeTimes>>;

/** In milliseconds, of assigned registrations. */
const OUTCOME_TIMES: readonly Read<Times, number | null>[] = [
  ['response_time_seconds', 'Intended start to end', ({ responseMs }) => responseMs],
  ['service_time_seconds', 'Actual start to end without pauses', ({ serviceMs }) => serviceMs],
  ['waited_time_seconds', 'Pauses that the service or the policy asked for', ({ waitedMs }) => waitedMs],
];

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

/** By agent, where agents host the workers. */
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

/** Replaces label values beyond `ERROR_GROUPS_MAX`. */
const OTHER = 'other';

export type RunMetricsPlan = {
  readonly target: TargetName;
  readonly version: string;
  /** Registrations that the run has to settle. */
  readonly total: number;
  /** `null` = the load has no steady rate. */
  readonly ratePerSecond: number | null;
};

/** A run in progress, as Prometheus reads it: base units, and counts that agree with the summary at its end. */
export class RunMetrics {
  readonly #registry = new Registry();
  readonly #registrations = this.#counter('registrations_total', 'Registrations that have ended, by result.', 'result');
  readonly #assigned = this.#counter(
    'registrations_assigned_total',
    'Registrations that were assigned, by hub.',
    'hub',
  );
  readonly #errors = this.#counter('errors_total', 'Registrations that failed, by error code.', 'code');
  readonly #launches = this.#counter('launches_total', 'Registrations launched.');
  readonly #counters = EVENT_COUNTERS.map(([name, help, read]) => ({ counter: this.#counter(name, help), read }));
  readonly #times = OUTCOME_TIMES.map(([name, what, read]) => {
    return { histogram: this.#histogram(name, `${what}, of assigned registrations.`), read };
  });
  readonly #accepted = this.#histogram(
    'accepted_time_seconds',
    'Register request to its first answer, for assigned registrations.',
  );
  readonly #gauges = SAMPLE_GAUGES.map(([name, help, read]) => ({ gauge: this.#gauge(name, help), read }));
  readonly #loopDelay = this.#gauge('loop_delay_max_seconds', 'Longest event-loop delay of the last second.', 'worker');
  readonly #optional = new Map<string, Gauge>();
  /** Created with the first agent. */
  #agents: AgentMetrics | null = null;
  readonly #labels = new Map<Counter, Set<string>>();

  constructor({ target, version, total, ratePerSecond }: RunMetricsPlan) {
    const info = { target: target.kind, host: target.host, id_scope: target.idScope, version };
    this.#gauge('run_info', 'The run in progress.', ...Object.keys(info)).set(info, 1);
    this.#gauge('planned_registrations', 'Registrations that the run has to settle.').set(total);
    this.#setOptional('rate_target_per_second', 'Intended launches per second.', ratePerSecond);
    for (const result of REGISTRATION_RESULTS) this.#registrations.inc({ result }, 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** What a scrape gets. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Registrations in progress count too, so an outcome must not count the same again. */
  counted(counts: EventCounts): void {
    for (const { counter, read } of this.#counters) counter.inc(read(counts));
  }

  settled(outcome: RegistrationOutcome): void {
    const { result, assignedHub, errorCode, phases } = outcome;
    this.#registrations.inc({ result });
    if (FAILED_RESULTS.includes(result)) this.#countLabelled(this.#errors, 'code', errorCode ?? result);
    if (result !== 'assigned') return;
    if (assignedHub !== null) this.#countLabelled(this.#assigned, 'hub', assignedHub);
    observe(this.#accepted, phases.acceptedMs);
    const times = outcomeTimes(outcome);
    if (times === null) return;
    for (const { histogram, read } of this.#times) observe(histogram, read(times));
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

  /** The service chooses the label values, and may send any number of them. */
  #countLabelled(counter: Counter, label: string, value: string): void {
    const known = this.#labels.get(counter) ?? new Set();
    this.#labels.set(counter, known);
    const kept = known.has(value) || known.size < ERROR_GROUPS_MAX ? value : OTHER;
    known.add(kept);
    counter.inc({ [label]: kept });
  }

  #setOptional(name: string, help: string, value: number | null): void {
    if (value === null) return;
    const gauge = this.#optional.get(name) ?? this.#gauge(name, help);
    this.#optional.set(name, gauge);
    gauge.set(value);
  }

  #counter(name: string, help: string, ...labelNames: readonly string[]): Counter {
    return counterIn(this.#registry, name, help, labelNames);
  }

  #gauge(name: string, help: string, ...labelNames: readonly string[]): Gauge {
    return gaugeIn(this.#registry, name, help, labelNames);
  }

  #histogram(name: string, help: string): Histogram {
    const buckets = [...TIME_BUCKETS_SECONDS];
    return new Histogram({ name: `dpsload_${name}`, help, buckets, registers: [this.#registry] });
  }
}

const AGENT_LABEL = 'agent';

class AgentMetrics {
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

function counterIn(registry: Registry, name: string, help: string, labelNames: readonly string[]): Counter {
  return new Counter({ name: `dpsload_${name}`, help, labelNames, registers: [registry] });
}

function gaugeIn(registry: Registry, name: string, help: string, labelNames: readonly string[]): Gauge {
  return new Gauge({ name: `dpsload_${name}`, help, labelNames, registers: [registry] });
}

function observe(histogram: Histogram, durationMs: number | null): void {
  if (durationMs !== null) histogram.observe(durationMs / MS_PER_SECOND);
}
