import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { outcomeTimes } from './outcome-times.ts';
import { TimeBucket } from './time-bucket.ts';
import { BUCKET_MS_MIN, TimeSeries } from './time-series.ts';

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
