import type { Histogram } from 'hdr-histogram-js';
import { hdrHistogram } from './hdr-histogram.ts';

/** Digits of the HdrHistogram: a value read back is within 0.1% of the recorded value. */
export const SIGNIFICANT_DIGITS = 3;

/** Longest recorded duration: 1 hour, twelve times the default deadline of a registration. */
export const DURATION_MAX_MS = 3_600_000;

/** Histograms count in whole microseconds, their resolution. */
const MICROSECONDS_PER_MS = 1000;

export type DurationSummary = NonNullable<ReturnType<DurationHistogram['summary']>>;

/** An HDR histogram of durations from 1 µs to 1 h. Values are never corrected afterwards. */
export class DurationHistogram {
  readonly #histogram: Histogram;
  #clamped = 0;
  #sumMicros = 0;

  /** @param significantDigits a value read back is within 1% with 2, within 0.1% with 3 */
  constructor(significantDigits: 2 | 3 = SIGNIFICANT_DIGITS) {
    this.#histogram = hdrHistogram(DURATION_MAX_MS * MICROSECONDS_PER_MS, significantDigits);
  }

  /** The only place where milliseconds become microseconds. */
  recordMs(durationMs: number): void {
    const micros = Math.round(durationMs * MICROSECONDS_PER_MS);
    const inRange = Math.min(Math.max(micros, 0), DURATION_MAX_MS * MICROSECONDS_PER_MS);
    if (inRange !== micros) this.#clamped += 1;
    this.#sumMicros += inRange;
    this.#histogram.recordValue(inRange);
  }

  addAll(other: DurationHistogram): void {
    this.#histogram.add(other.#histogram);
    this.#clamped += other.#clamped;
    this.#sumMicros += other.#sumMicros;
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** The duration that at least `percentile` per cent of all do not exceed; `null` without any. */
  percentileMs(percentile: number): number | null {
    if (this.count === 0) return null;
    // The histogram returns the upper end of a bucket, which can exceed the largest value in it.
    const micros = Math.min(this.#histogram.getValueAtPercentile(percentile), this.#histogram.maxValue);
    return micros / MICROSECONDS_PER_MS;
  }

  /** `null` without any duration. `clamped` counts durations below 0 or above `DURATION_MAX_MS`, taken as 0 or the maximum. */
  summary() {
    if (this.count === 0) return null;
    const histogram = this.#histogram;
    const percentileMs = (percentile: number): number => this.percentileMs(percentile) ?? 0;
    const hasZero = histogram.getValueAtPercentile(0) === 0;
    return {
      count: this.count,
      minMs: hasZero ? 0 : histogram.minNonZeroValue / MICROSECONDS_PER_MS,
      meanMs: Math.round(this.#sumMicros / this.count) / MICROSECONDS_PER_MS,
      p50Ms: percentileMs(50),
      p90Ms: percentileMs(90),
      p95Ms: percentileMs(95),
      p99Ms: percentileMs(99),
      p999Ms: percentileMs(99.9),
      maxMs: histogram.maxValue / MICROSECONDS_PER_MS,
      clamped: this.#clamped,
    };
  }

  /** The histogram itself, to be encoded. The values in it are microseconds. */
  get inMicroseconds(): Histogram {
    return this.#histogram;
  }
}

/** Points per decade of the tail. */
const POINTS_PER_DECADE = 16;

/**
 * The x values of a percentile curve of `count` values: 1 / (1 − percentile / 100), as HdrHistogram plots them, so 2 is
 * the median, 10 the 90th and 100 the 99th percentile. The last is `count`, beyond which only the largest value lies.
 */
export function percentilePlaces(count: number): readonly number[] {
  const places: number[] = [];
  for (let step = 0; ; step += 1) {
    const place = 10 ** (step / POINTS_PER_DECADE);
    if (place >= count) return count === 0 ? [] : [...places, count];
    places.push(place);
  }
}

/** The value at each place, in milliseconds; the last is the largest. `null` for an empty histogram. */
export function percentileCurve(histogram: DurationHistogram, places: readonly number[]): readonly (number | null)[] {
  return places.map((place, index) =>
    histogram.percentileMs(index === places.length - 1 ? 100 : 100 * (1 - 1 / place)),
  );
}
