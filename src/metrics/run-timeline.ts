import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { Extent } from './extent.ts';
import { InFlightCurve } from './in-flight-curve.ts';
import { outcomeTimes } from './outcome-times.ts';
import { BUCKET_MS_MIN, TimeSeries } from './time-series.ts';

/** Digits of the histograms of a bucket: within 1%, finer than a plot can show, 13 kB each. */
const SIGNIFICANT_DIGITS = 2;

/** Values sampled once per second; the extremes of a bucket are those of its seconds. */
const SAMPLED = {
  inFlight: ({ inFlight }) => inFlight,
  launched: ({ launched }) => launched,
  settled: ({ settled }) => settled,
  throttles: ({ throttles }) => throttles,
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
  launched = 0;
  /** Without those that were cancelled. */
  ended = 0;
  assigned = 0;
  /** Service times of the assigned registrations that ended here; created with the first. */
  service: DurationHistogram | null = null;
  readonly sampled = Object.fromEntries(SAMPLED_METRICS.map((metric) => [metric, new Extent()])) as Readonly<
    Record<SampledMetric, Extent>
  >;

  addService(serviceMs: number): void {
    this.service ??= new DurationHistogram(SIGNIFICANT_DIGITS);
    this.service.recordMs(serviceMs);
  }

  addSample(sample: SampleRecord): void {
    for (const metric of SAMPLED_METRICS) this.sampled[metric].add(SAMPLED[metric](sample));
  }

  merge(later: TimeBucket): void {
    this.launched += later.launched;
    this.ended += later.ended;
    this.assigned += later.assigned;
    if (this.service !== null && later.service !== null) this.service.addAll(later.service);
    this.service ??= later.service;
    for (const metric of SAMPLED_METRICS) this.sampled[metric].merge(later.sampled[metric]);
  }
}

/**
 * A run over time, folded into a bounded number of buckets. Times count from 0 of the first session's clock;
 * `clockOffsetMs` is the time by which a later session's clock is behind. Also counts outcomes that a later session
 * replaced, because they took place.
 */
export class RunTimeline {
  readonly #series = new TimeSeries(() => new TimeBucket());
  readonly #inFlight = new InFlightCurve();
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastAtMs = 0;

  add(outcome: RegistrationOutcome, clockOffsetMs: number): void {
    const { startedAtMs, finishedAtMs, result } = outcome;
    if (startedAtMs === null) return;
    this.#bucketAt(clockOffsetMs + startedAtMs).launched += 1;
    this.#firstStartMs = Math.min(this.#firstStartMs, clockOffsetMs + startedAtMs);
    if (finishedAtMs === null) return;
    const bucket = this.#bucketAt(clockOffsetMs + finishedAtMs);
    this.#inFlight.add(clockOffsetMs + startedAtMs, clockOffsetMs + finishedAtMs);
    if (result !== 'cancelled') bucket.ended += 1;
    if (result !== 'assigned') return;
    bucket.assigned += 1;
    const times = outcomeTimes(outcome);
    if (times !== null) bucket.addService(times.serviceMs);
  }

  addSample(sample: SampleRecord, clockOffsetMs: number): void {
    this.#bucketAt(clockOffsetMs + sample.atMs).addSample(sample);
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

  /** The most registrations in progress at once, in each bucket of a short run; `null` = later than it is known. */
  inFlightPeaks(): readonly (number | null)[] {
    return this.#inFlight.peaks(this.bucketMs, this.buckets().length);
  }

  #bucketAt(atMs: number): TimeBucket {
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
    return this.#series.at(atMs);
  }
}
