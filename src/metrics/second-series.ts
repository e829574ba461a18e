import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { BINS, binMiddleMs, binOf } from './log-histogram.ts';
import { outcomeTimes } from './outcome-times.ts';
import { roundToThousandth } from './round.ts';

const SECOND_MS = 1_000;

/** Percentiles of the durations of one second; `null` without any. Within 0.6%, and the largest too. */
type SecondDurations = {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

const COUNTED = ['intended', 'launched', 'ended', 'assigned', 'throttles', 'inFlightChange'] as const;
const MEASURED = ['startLagMaxMs', 'loopDelayMaxMs', 'cpuShare', 'emulatorCpuShare', 'rateAllowedPerSecond'] as const;

type Counted = (typeof COUNTED)[number];
type Measured = (typeof MEASURED)[number];

/** One second of a run. */
export type SecondOfRun = Readonly<Record<Exclude<Counted, 'inFlightChange'>, number>> &
  /** `null` = not measured. */
  Readonly<Record<Measured, number | null>> & {
    /** Whole seconds since the run began. */
    readonly second: number;
    /** At the end of the second. */
    readonly inFlight: number;
    /** Of the assigned registrations that ended in it. */
    readonly service: SecondDurations | null;
    /** Of the assigned registrations that were meant to start in it. */
    readonly response: SecondDurations | null;
  };

/**
 * A run second by second, of any length, in 44 bytes a second and 8 an assigned registration. Times and clock offsets are those of
 * `RunTimeline`.
 */
export class SecondSeries {
  readonly #chunks = new Map<number, Chunk>();
  /** First and last second of each stretch. */
  readonly #stretches: { first: number; last: number }[] = [];

  /** With each session, and whenever its clock is set: only within such a stretch all seconds count as part of the run. */
  beginStretch(): void {
    this.#stretches.push({ first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY });
  }

  add(outcome: RegistrationOutcome, clockOffsetMs: number): void {
    const { intendedAtMs, startedAtMs, finishedAtMs, result } = outcome;
    if (startedAtMs === null) return;
    this.#count('launched', clockOffsetMs + startedAtMs);
    if (intendedAtMs !== null) this.#count('intended', clockOffsetMs + intendedAtMs);
    if (finishedAtMs === null) return;
    this.#count('inFlightChange', clockOffsetMs + startedAtMs);
    this.#count('inFlightChange', clockOffsetMs + finishedAtMs, -1);
    if (result !== 'cancelled') this.#count('ended', clockOffsetMs + finishedAtMs);
    const times = outcomeTimes(outcome);
    if (result !== 'assigned') return;
    this.#count('assigned', clockOffsetMs + finishedAtMs);
    if (times === null || intendedAtMs === null) return;
    this.#at(clockOffsetMs + finishedAtMs, (chunk, place) => chunk.service.add(place, times.serviceMs));
    this.#at(clockOffsetMs + intendedAtMs, (chunk, place) => chunk.response.add(place, times.responseMs));
  }

  /** Measures the seconds that it covers; its throttles count in the last of them. */
  addSample(sample: SampleRecord, clockOffsetMs: number): void {
    const toMs = clockOffsetMs + sample.atMs;
    const first = Math.max(0, Math.round((toMs - sample.overMs) / SECOND_MS));
    const last = Math.max(first, Math.round(toMs / SECOND_MS) - 1);
    this.#count('throttles', last * SECOND_MS, sample.throttles);
    const values: Readonly<Record<Measured, number | null>> = {
      ...sample,
      loopDelayMaxMs: sample.loopDelayMaxMs.length === 0 ? null : Math.max(...sample.loopDelayMaxMs),
    };
    for (let second = first; second <= last; second += 1) {
      this.#at(second * SECOND_MS, (chunk, place) => {
        for (const metric of MEASURED) chunk.measure(metric, place, values[metric]);
      });
    }
  }

  /** All seconds of all stretches, in order. */
  *seconds(): Generator<SecondOfRun> {
    let [next, inFlight] = [Number.NEGATIVE_INFINITY, 0];
    const started = this.#stretches.filter(({ first, last }) => first <= last);
    for (const { first, last } of started.toSorted((a, b) => a.first - b.first)) {
      for (let second = Math.max(first, next); second <= last; second += 1) {
        const chunk = this.#chunks.get(Math.floor(second / CHUNK_SECONDS)) ?? NOTHING;
        const place = second % CHUNK_SECONDS;
        inFlight += chunk.count('inFlightChange', place);
        yield { second, inFlight, ...chunk.valuesAt(place) };
      }
      next = Math.max(next, last + 1);
    }
  }

  #count(metric: Counted, atMs: number, by = 1): void {
    this.#at(atMs, (chunk, place) => chunk.add(metric, place, by));
  }

  #at(atMs: number, work: (chunk: Chunk, place: number) => void): void {
    const second = Math.max(0, Math.floor(atMs / SECOND_MS));
    const stretch = this.#stretches.at(-1);
    if (stretch === undefined) throw new Error('a session begins before its records');
    stretch.first = Math.min(stretch.first, second);
    stretch.last = Math.max(stretch.last, second);
    const index = Math.floor(second / CHUNK_SECONDS);
    const chunk = this.#chunks.get(index) ?? new Chunk();
    this.#chunks.set(index, chunk);
    work(chunk, second % CHUNK_SECONDS);
  }
}

const CHUNK_SECONDS = 1_024;

/** Some successive seconds. */
class Chunk {
  readonly #counts = new Int32Array(COUNTED.length * CHUNK_SECONDS);
  readonly #measured = new Float32Array(MEASURED.length * CHUNK_SECONDS).fill(Number.NaN);
  readonly service = new ChunkDurations();
  readonly response = new ChunkDurations();

  add(metric: Counted, place: number, by: number): void {
    const at = COUNTED.indexOf(metric) * CHUNK_SECONDS + place;
    this.#counts[at] = (this.#counts[at] ?? 0) + by;
  }

  count(metric: Counted, place: number): number {
    return this.#counts[COUNTED.indexOf(metric) * CHUNK_SECONDS + place] ?? 0;
  }

  /** Keeps the largest. */
  measure(metric: Measured, place: number, value: number | null): void {
    const at = MEASURED.indexOf(metric) * CHUNK_SECONDS + place;
    if (value !== null) this.#measured[at] = Math.max(value, this.#measuredAt(at) ?? value);
  }

  valuesAt(place: number): Omit<SecondOfRun, 'second' | 'inFlight'> {
    const { intended, launched, ended, assigned, throttles } = Object.fromEntries(
      COUNTED.map((metric) => [metric, this.count(metric, place)]),
    ) as Record<Counted, number>;
    const measured = Object.fromEntries(
      MEASURED.map((metric, index) => [metric, this.#measuredAt(index * CHUNK_SECONDS + place)]),
    ) as Record<Measured, number | null>;
    const [service, response] = [this.service.of(place), this.response.of(place)];
    return { intended, launched, ended, assigned, throttles, ...measured, service, response };
  }

  /** To a thousandth: more, a number of four bytes does not hold. */
  #measuredAt(at: number): number | null {
    const value = this.#measured[at] ?? Number.NaN;
    return Number.isNaN(value) ? null : roundToThousandth(value);
  }
}

const KEYS_MIN = 256;

/** Durations of some successive seconds: for each, its second and its bin in one number. */
class ChunkDurations {
  #keys = new Uint32Array(0);
  #count = 0;
  #sorted = true;

  add(place: number, durationMs: number): void {
    if (this.#count === this.#keys.length) {
      const keys = new Uint32Array(Math.max(KEYS_MIN, this.#keys.length * 2));
      keys.set(this.#keys);
      this.#keys = keys;
    }
    this.#keys[this.#count] = place * BINS + binOf(durationMs);
    this.#count += 1;
    this.#sorted = false;
  }

  of(place: number): SecondDurations | null {
    if (!this.#sorted) this.#keys.subarray(0, this.#count).sort();
    this.#sorted = true;
    const [first, after] = [this.#firstFrom(place * BINS), this.#firstFrom((place + 1) * BINS)];
    if (first === after) return null;
    const at = (percentile: number): number => {
      const rank = Math.max(1, Math.ceil((percentile / 100) * (after - first) - 1e-9));
      return roundToThousandth(binMiddleMs((this.#keys[first + rank - 1] ?? 0) % BINS));
    };
    return { p50Ms: at(50), p95Ms: at(95), p99Ms: at(99), maxMs: at(100) };
  }

  /** Index of the first key that is not below this one, by bisection. */
  #firstFrom(key: number): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? 0) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Of seconds in which nothing was recorded. */
const NOTHING = new Chunk();
