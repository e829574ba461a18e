import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { Extent } from './extent.ts';
import { outcomeTimes } from './outcome-times.ts';
import { BUCKET_MS_MIN, TimeSeries } from './time-series.ts';

/** Digits of the histograms of one bucket: within 1%, finer than a plot can show, and 13 kB each. */
const SIGNIFICANT_DIGITS = 2;

/** What is seen once a second; the extremes of a bucket are those of its seconds. */
const SAMPLED_METRICS = [
  'inFlight',
  'launched',
  'settled',
  'throttles',
  'startLagMs',
  'loopDelayMs',
  'cpuShare',
  'emulatorCpuShare',
  'rateAllowedPerSecond',
] as const;

export type SampledMetric = (typeof SAMPLED_METRICS)[number];

/** A stretch of a run. */
export class TimeBucket {
  launched = 0;
  /** With whatever result. */
  ended = 0;
  assigned = 0;
  /** Of assigned registrations that ended here; made for the first of them. */
  service: DurationHistogram | null = null;
  readonly sampled = Object.fromEntries(SAMPLED_METRICS.map((metric) => [metric, new Extent()])) as Readonly<
    Record<SampledMetric, Extent>
  >;

  addService(serviceMs: number): void {
    this.service ??= new DurationHistogram(SIGNIFICANT_DIGITS);
    this.service.recordMs(serviceMs);
  }

  addSample(sample: SampleRecord): void {
    const { sampled } = this;
    sampled.inFlight.add(sample.inFlight);
    sampled.launched.add(sample.launched);
    sampled.settled.add(sample.settled);
    sampled.throttles.add(sample.throttles);
    sampled.startLagMs.add(sample.startLagMaxMs);
    sampled.loopDelayMs.add(sample.loopDelayMaxMs.length === 0 ? null : Math.max(...sample.loopDelayMaxMs));
    sampled.cpuShare.add(sample.cpuShare);
    sampled.emulatorCpuShare.add(sample.emulatorCpuShare);
    sampled.rateAllowedPerSecond.add(sample.rateAllowedPerSecond);
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
 * A run over time, folded into a bounded number of buckets. Times count from 0 of the first session's clock; a later
 * session's are behind it by `clockOffsetMs`. Also counts outcomes that a later session replaced: they took place.
 */
export class RunTimeline {
  readonly #series = new TimeSeries(() => new TimeBucket());
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastAtMs = 0;

  add(outcome: RegistrationOutcome, clockOffsetMs: number): void {
    const { startedAtMs, finishedAtMs, result } = outcome;
    if (startedAtMs === null) return;
    this.#bucketAt(clockOffsetMs + startedAtMs).launched += 1;
    this.#firstStartMs = Math.min(this.#firstStartMs, clockOffsetMs + startedAtMs);
    if (finishedAtMs === null) return;
    const bucket = this.#bucketAt(clockOffsetMs + finishedAtMs);
    bucket.ended += 1;
    if (result !== 'assigned') return;
    bucket.assigned += 1;
    const times = outcomeTimes(outcome);
    if (times !== null) bucket.addService(times.serviceMs);
  }

  addSample(sample: SampleRecord, clockOffsetMs: number): void {
    this.#bucketAt(clockOffsetMs + sample.atMs).addSample(sample);
  }

  /** Of every bucket, in milliseconds. */
  get bucketMs(): number {
    return this.#series.widthMs;
  }

  /** Of the first registration; `null` without any. */
  get firstStartMs(): number | null {
    return this.#firstStartMs === Number.POSITIVE_INFINITY ? null : this.#firstStartMs;
  }

  /** When a bucket ends: the last one with the last event, so that its rates are not diluted. */
  endMs(bucket: number): number {
    const startMs = bucket * this.bucketMs;
    return Math.min(startMs + this.bucketMs, Math.max(this.#lastAtMs, startMs + BUCKET_MS_MIN));
  }

  buckets(): readonly TimeBucket[] {
    return this.#series.buckets();
  }

  #bucketAt(atMs: number): TimeBucket {
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
    return this.#series.at(atMs);
  }
}
