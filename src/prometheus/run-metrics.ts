import { type Counter, type Gauge, Histogram, Registry } from 'prom-client';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { TargetName } from '../journal/target-name.ts';
import { ERROR_GROUPS_MAX, FAILED_RESULTS } from '../metrics/outcome-counts.ts';
import { outcomeTimes } from '../metrics/outcome-times.ts';
import type { EventCounts } from '../registration/event-counts.ts';
import { REGISTRATION_RESULTS, type RegistrationOutcome } from '../registration/registration-outcome.ts';
import { counterIn, gaugeIn, MS_PER_SECOND, type Read } from './metric-makers.ts';
import { SampleMetrics } from './sample-metrics.ts';

/**
 * Upper bounds, 10 ms to 10 min. From 0.1 s to 10 s, where answers of the service lie, each is at most 1.5 times the one before: a quantile
 * that Prometheus interpolates in a bucket is off by less than that. Above are throttled devices, up to the longest usual deadline.
 */
export const TIME_BUCKETS_SECONDS = Object.freeze([
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15,
  20, 30, 45, 60, 90, 120, 300, 600,
]);

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
  readonly #counters = EVENT_COUNTERS.map(([name, help, read]) => ({ counter: this.#counter(name, help), read }));
  readonly #times = OUTCOME_TIMES.map(([name, what, read]) => {
    return { histogram: this.#histogram(name, `${what}, of assigned registrations.`), read };
  });
  readonly #accepted = this.#histogram(
    'accepted_time_seconds',
    'Register request to its first answer, for assigned registrations.',
  );
  readonly #samples = new SampleMetrics(this.#registry);
  readonly #labels = new Map<Counter, Set<string>>();

  constructor({ target, version, total, ratePerSecond }: RunMetricsPlan) {
    const info = { target: target.kind, host: target.host, id_scope: target.idScope, version };
    this.#gauge('run_info', 'The run in progress.', ...Object.keys(info)).set(info, 1);
    this.#gauge('planned_registrations', 'Registrations that the run has to settle.').set(total);
    if (ratePerSecond !== null)
      this.#gauge('rate_target_per_second', 'Intended launches per second.').set(ratePerSecond);
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
    this.#samples.sampled(sample);
  }

  /** The service chooses the label values, and may send any number of them. */
  #countLabelled(counter: Counter, label: string, value: string): void {
    const known = this.#labels.get(counter) ?? new Set();
    this.#labels.set(counter, known);
    const kept = known.has(value) || known.size < ERROR_GROUPS_MAX ? value : OTHER;
    known.add(kept);
    counter.inc({ [label]: kept });
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

function observe(histogram: Histogram, durationMs: number | null): void {
  if (durationMs !== null) histogram.observe(durationMs / MS_PER_SECOND);
}
