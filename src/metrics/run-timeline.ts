import { tally } from '../allocation/tally.ts';
import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { Extent } from './extent.ts';
import { InFlightCurve, type InFlightExtremes } from './in-flight-curve.ts';
import { LogHistogram } from './log-histogram.ts';
import { outcomeTimes } from './outcome-times.ts';
import { BUCKET_MS_MIN, BUCKETS_MAX, FINE_BUCKETS_MAX, TimeSeries } from './time-series.ts';

/** What only samples know; the extremes of a bucket are those of its seconds. */
const SAMPLED = {
  throttlesPerSecond: ({ throttles, overMs }) => (throttles * 1_000) / overMs,
  startLagMs: ({ startLagMaxMs }) => startLagMaxMs,
  loopDelayMs: ({ loopDelayMaxMs }) => (loopDelayMaxMs.length === 0 ? null : Math.max(...loopDelayMaxMs)),
  cpuShare: ({ cpuShare }) => cpuShare,
  emulatorCpuShare: ({ emulatorCpuShare }) => emulatorCpuShare,
  rateAllowedPerSecond: ({ rateAllowedPerSecond }) => rateAllowedPerSecond,
} as const satisfies Readonly<Record<string, (sample: SampleRecord) => number | null>>;

export type SampledMetric = keyof typeof SAMPLED;

const SAMPLED_METRICS = Object.keys(SAMPLED) as SampledMetric[];

/** A period of a run. */
export class TimeBucket {
  /** Launches meant to start here. */
  intended = 0;
  launched = 0;
  /** Launches by agent, if agents made them; created with the first. */
  launchedBy: Map<string, number> | null = null;
  /** Without those that were cancelled. */
  ended = 0;
  assigned = 0;
  /** Service times of the assigned registrations that ended here; created with the first. */
  service: LogHistogram | null = null;
  /** Response times of the assigned registrations that were meant to start here; created with the first. */
  response: LogHistogram | null = null;
  readonly sampled = Object.fromEntries(SAMPLED_METRICS.map((metric) => [metric, new Extent()])) as Readonly<
    Record<SampledMetric, Extent>
  >;

  addLaunch(agent: string | null): void {
    this.launched += 1;
    if (agent === null) return;
    this.launchedBy ??= new Map();
    tally(this.launchedBy, agent);
  }

  addService(serviceMs: number): void {
    this.service ??= new LogHistogram();
    this.service.add(serviceMs);
  }

  addResponse(responseMs: number): void {
    this.response ??= new LogHistogram();
    this.response.add(responseMs);
  }

  addSample(sample: SampleRecord): void {
    for (const metric of SAMPLED_METRICS) this.sampled[metric].add(SAMPLED[metric](sample));
  }

  merge(later: TimeBucket): void {
    this.intended += later.intended;
    this.launched += later.launched;
    if (later.launchedBy !== null) {
      this.launchedBy ??= new Map();
      for (const [agent, launches] of later.launchedBy) tally(this.launchedBy, agent, launches);
    }
    this.ended += later.ended;
    this.assigned += later.assigned;
    this.service = joined(this.service, later.service);
    this.response = joined(this.response, later.response);
    for (const metric of SAMPLED_METRICS) this.sampled[metric].merge(later.sampled[metric]);
  }
}

function joined(first: LogHistogram | null, second: LogHistogram | null): LogHistogram | null {
  if (first !== null && second !== null) first.addAll(second);
  return first ?? second;
}

/**
 * A run over time, folded into a bounded number of buckets. Times count from 0 of the first session's clock;
 * `clockOffsetMs` is the time by which a later session's clock is behind. Also counts outcomes that a later session
 * replaced, because they took place.
 */
export class RunTimeline {
  readonly #series = new TimeSeries(() => new TimeBucket(), BUCKET_MS_MIN, BUCKETS_MAX, FINE_BUCKETS_MAX);
  readonly #inFlight = new InFlightCurve();
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastAtMs = 0;

  add(outcome: RegistrationOutcome, clockOffsetMs: number): void {
    const { intendedAtMs, startedAtMs, finishedAtMs, result, agent } = outcome;
    if (startedAtMs === null) return;
    this.#bucketAt(clockOffsetMs + startedAtMs).addLaunch(agent);
    if (intendedAtMs !== null) this.#bucketAt(clockOffsetMs + intendedAtMs).intended += 1;
    this.#firstStartMs = Math.min(this.#firstStartMs, clockOffsetMs + startedAtMs);
    if (finishedAtMs === null) return;
    this.#inFlight.add(outcome, clockOffsetMs);
    const bucket = this.#bucketAt(clockOffsetMs + finishedAtMs);
    if (result !== 'cancelled') bucket.ended += 1;
    const times = outcomeTimes(outcome);
    if (result !== 'assigned') return;
    bucket.assigned += 1;
    if (times === null || intendedAtMs === null) return;
    bucket.addService(times.serviceMs);
    this.#bucketAt(clockOffsetMs + intendedAtMs).addResponse(times.responseMs);
  }

  /** Adds it to each bucket of the time that it covers; to one, if it covers less. */
  addSample(sample: SampleRecord, clockOffsetMs: number): void {
    const toMs = clockOffsetMs + sample.atMs;
    const fromMs = Math.max(0, toMs - sample.overMs);
    this.#lastAtMs = Math.max(this.#lastAtMs, toMs);
    // Makes room, so that the width stays the same below; a sample at the end of a bucket begins none.
    this.#series.at(Math.max(fromMs, toMs - 1));
    const { bucketMs } = this;
    const first = Math.round(fromMs / bucketMs);
    const last = Math.max(first, Math.round(toMs / bucketMs) - 1);
    for (let bucket = first; bucket <= last; bucket += 1) this.#series.at(bucket * bucketMs).addSample(sample);
  }

  /** Width of every bucket. */
  get bucketMs(): number {
    return this.#series.widthMs;
  }

  /** `null` without any registration. */
  get firstStartMs(): number | null {
    return this.#firstStartMs === Number.POSITIVE_INFINITY ? null : this.#firstStartMs;
  }

  /** End of a bucket. The last one ends with the last event, so that its rates are not diluted. */
  endMs(bucket: number): number {
    const startMs = bucket * this.bucketMs;
    return Math.min(startMs + this.bucketMs, Math.max(this.#lastAtMs, startMs + BUCKET_MS_MIN));
  }

  buckets(): readonly TimeBucket[] {
    return this.#series.buckets();
  }

  /** Registrations in progress, in each bucket. */
  inFlight(): readonly InFlightExtremes[] {
    return this.#inFlight.extremes(this.bucketMs, this.buckets().length);
  }

  /** The number in progress is known at instants this far apart. */
  get inFlightInstantMs(): number {
    return this.#inFlight.instantMs;
  }

  #bucketAt(atMs: number): TimeBucket {
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
    return this.#series.at(atMs);
  }
}
