import { roundToThousandth } from './round.ts';

/** A percentile lies within 0.6% of the true one: finer than a plot can show. */
export const BINS_PER_DECADE = 200;
/** Shorter durations are counted with it. */
const LOWEST_MS = 0.01;
/** 1 hour, as `DURATION_MAX_MS`; longer ones are counted with it. */
const DECADES = 8.56;
export const BINS = Math.ceil(DECADES * BINS_PER_DECADE);

export function binOf(durationMs: number): number {
  if (!(durationMs > LOWEST_MS)) return 0;
  return Math.min(BINS - 1, Math.floor(Math.log10(durationMs / LOWEST_MS) * BINS_PER_DECADE));
}

/** The beginning of a bin; that of the bin after it is its end. */
export function binFromMs(bin: number): number {
  return LOWEST_MS * 10 ** (bin / BINS_PER_DECADE);
}

/** The duration that stands for all of a bin: its geometric middle. */
export function binMiddleMs(bin: number): number {
  return binFromMs(bin + 0.5);
}

/** Durations in bins of equal width on a logarithmic axis: 7 kB, less than an HdrHistogram of the same precision. */
export class LogHistogram {
  readonly #counts = new Uint32Array(BINS);
  #count = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  add(durationMs: number): void {
    const bin = binOf(durationMs);
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
    this.#count += 1;
    this.#minMs = Math.min(this.#minMs, durationMs);
    this.#maxMs = Math.max(this.#maxMs, durationMs);
  }

  addAll(other: LogHistogram): void {
    other.#counts.forEach((count, bin) => {
      if (count > 0) this.#counts[bin] = (this.#counts[bin] ?? 0) + count;
    });
    this.#count += other.#count;
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  get count(): number {
    return this.#count;
  }

  /** The duration that at least `percentile` per cent of all do not exceed; the 100th is exact. `null` without any. */
  percentileMs(percentile: number): number | null {
    const rank = Math.max(1, Math.ceil((percentile / 100) * this.#count - 1e-9));
    if (this.#count === 0) return null;
    if (rank >= this.#count) return this.#maxMs;
    let below = 0;
    const bin = this.#counts.findIndex((count) => {
      below += count;
      return below >= rank;
    });
    return Math.min(this.#maxMs, Math.max(this.#minMs, roundToThousandth(binMiddleMs(bin))));
  }

  /** Counts in wider bins, each of `width` bins of this histogram, from the first of all. */
  inBinsOf(width: number): readonly number[] {
    const wide: number[] = Array.from({ length: Math.ceil(BINS / width) }, () => 0);
    this.#counts.forEach((count, bin) => {
      if (count > 0) wide[Math.floor(bin / width)] = (wide[Math.floor(bin / width)] ?? 0) + count;
    });
    return wide;
  }
}
