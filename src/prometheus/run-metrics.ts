import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { TargetName } from '../journal/target-name.ts';
import { ERROR_GROUPS_MAX, FAILED_RESULTS } from '../metrics/outcome-counts.ts';
import { outcomeTimes } from '../metrics/outcome-times.ts';
import { REGISTRATION_RESULTS, type RegistrationOutcome } from '../registration/registration-outcome.ts';

const MS_PER_SECOND = 1_000;

/** Upper ends in seconds, 10 ms to 10 min: around the service's usual 0.2 s to 5 s, up to the longest deadline that is usual. */
export const TIME_BUCKETS_SECONDS = Object.freeze([
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
]);

const TOTALS = [
  'attempts',
  'registersSent',
  'polls',
  'throttles',
  'serverErrors',
  'staleAnswers',
  'retryAftersClamped',
] as const;

const TIMES = ['responseMs', 'serviceMs', 'waitedMs'] as const;

/** What stands for labels beyond `ERROR_GROUPS_MAX` of a kind. */
const OTHER = 'other';

export type RunMetricsPlan = {
  readonly target: TargetName;
  readonly version: string;
  /** Registrations that the run is to settle. */
  readonly total: number;
  /** `null` = closed model. */
  readonly ratePerSecond: number | null;
};

/** A run that goes on, as Prometheus reads it: base units, and counts that agree with the summary of its end. */
export class RunMetrics {
  readonly #registry = new Registry();
  readonly #registrations = this.#counter('registrations_total', 'Registrations that have ended, by result.', 'result');
  readonly #assigned = this.#counter('assigned_total', 'Assigned registrations, by hub.', 'hub');
  readonly #errors = this.#counter('errors_total', 'Registrations that failed, by error code.', 'code');
  readonly #launches = this.#counter('launches_total', 'Registrations that were started.');
  readonly #totals = {
    attempts: this.#counter('connections_total', 'Connections opened, by registrations that have ended.'),
    registersSent: this.#counter('register_requests_total', 'Register requests, which the service bills.'),
    polls: this.#counter('polls_total', 'Polls of an operation.'),
    throttles: this.#counter('throttles_total', 'Answers with 429.'),
    serverErrors: this.#counter('server_errors_total', 'Answers with 5xx, or that could not be read.'),
    staleAnswers: this.#counter('stale_answers_total', 'Answers that matched no request.'),
    retryAftersClamped: this.#counter('retry_afters_clamped_total', 'Answers with a retry-after over the limit.'),
  } as const;
  readonly #times = {
    responseMs: this.#histogram('response_time_seconds', 'Intended start to end, of assigned registrations.'),
    serviceMs: this.#histogram(
      'service_time_seconds',
      'Actual start to end without pauses, of assigned registrations.',
    ),
    waitedMs: this.#histogram(
      'waited_time_seconds',
      'Pauses that service or policy asked for, of assigned registrations.',
    ),
  } as const;
  readonly #accepted = this.#histogram(
    'accepted_time_seconds',
    'Register request to its first answer, of assigned ones.',
  );
  readonly #inFlight = this.#gauge('in_flight', 'Registrations under way.');
  readonly #outstanding = this.#gauge(
    'outstanding',
    'Released to workers and not yet settled, those under way included.',
  );
  readonly #loopDelay = this.#gauge('loop_delay_max_seconds', 'Longest event-loop delay of the last second.', 'worker');
  readonly #cpu = this.#gauge('cpu_cores', 'Cores that the load generator kept busy in the last second.');
  readonly #memory = this.#gauge('resident_memory_bytes', 'Memory of the load generator.');
  /** What is not always known: not there until it is. */
  readonly #optional = new Map<string, Gauge>();
  readonly #labels = new Map<Counter, Set<string>>();

  constructor({ target, version, total, ratePerSecond }: RunMetricsPlan) {
    const info = { target: target.kind, host: target.host, id_scope: target.idScope, version };
    const labelNames = Object.keys(info);
    const about = { name: 'dpsload_run_info', help: 'What runs.', labelNames, registers: [this.#registry] };
    new Gauge(about).set(info, 1);
    this.#gauge('planned_registrations', 'Registrations that the run is to settle.').set(total);
    this.#setOptional('rate_target_per_second', 'Launches a second that are intended.', ratePerSecond);
    for (const result of REGISTRATION_RESULTS) this.#registrations.inc({ result }, 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text that a scrape gets. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  settled(outcome: RegistrationOutcome): void {
    const { result, assignedHub, errorCode, phases } = outcome;
    this.#registrations.inc({ result });
    for (const name of TOTALS) this.#totals[name].inc(outcome[name]);
    if (FAILED_RESULTS.includes(result)) this.#countLabelled(this.#errors, 'code', errorCode ?? result);
    if (result !== 'assigned') return;
    if (assignedHub !== null) this.#countLabelled(this.#assigned, 'hub', assignedHub);
    this.#observe(this.#accepted, phases.acceptedMs);
    const times = outcomeTimes(outcome);
    if (times === null) return;
    for (const name of TIMES) this.#observe(this.#times[name], times[name]);
  }

  sampled(sample: SampleRecord): void {
    this.#launches.inc(sample.launched);
    this.#inFlight.set(sample.inFlight);
    this.#outstanding.set(sample.outstanding);
    this.#cpu.set(sample.cpuShare);
    this.#memory.set(sample.rssBytes);
    sample.loopDelayMaxMs.forEach((delayMs, worker) => {
      this.#loopDelay.set({ worker }, delayMs / MS_PER_SECOND);
    });
    const startLag = sample.startLagMaxMs === null ? null : sample.startLagMaxMs / MS_PER_SECOND;
    this.#setOptional('start_lag_max_seconds', 'Longest start lag of the last second.', startLag);
    this.#setOptional('emulator_cpu_cores', 'Cores that the emulator kept busy.', sample.emulatorCpuShare);
    this.#setOptional('open_file_descriptors', 'Open files of the load generator.', sample.fileDescriptors);
    this.#setOptional(
      'rate_allowed_per_second',
      'Launches a second that are allowed now.',
      sample.rateAllowedPerSecond,
    );
  }

  #observe(histogram: Histogram, durationMs: number | null): void {
    if (durationMs !== null) histogram.observe(durationMs / MS_PER_SECOND);
  }

  /** Labels come from the service, which may send any number of them. */
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
    return new Counter({ name: `dpsload_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, ...labelNames: readonly string[]): Gauge {
    return new Gauge({ name: `dpsload_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram {
    const buckets = [...TIME_BUCKETS_SECONDS];
    return new Histogram({ name: `dpsload_${name}`, help, buckets, registers: [this.#registry] });
  }
}
