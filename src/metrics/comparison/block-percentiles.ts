import { durationOfBin } from './value-bins.ts';

/** Percentiles of weighted blocks of durations, without adding up their histograms. */
export class BlockPercentiles {
  /** Bins that hold a duration of any block, ascending. */
  readonly #bins: readonly number[];
  readonly #blocks: number;
  /** Bin by bin, and within it block by block: how many durations of the block lie in the bin or below. */
  readonly #counts: Uint32Array;

  /** @param blocks for each, the number of durations by bin */
  constructor(blocks: readonly ReadonlyMap<number, number>[]) {
    this.#bins = [...new Set(blocks.flatMap((block) => [...block.keys()]))].sort((a, b) => a - b);
    this.#blocks = blocks.length;
    const sums = new Uint32Array(blocks.length);
    this.#counts = new Uint32Array(this.#bins.length * blocks.length);
    for (const [place, bin] of this.#bins.entries()) {
      for (const [index, block] of blocks.entries()) sums[index] = (sums[index] as number) + (block.get(bin) ?? 0);
      this.#counts.set(sums, place * blocks.length);
    }
  }

  /** The duration that at least `percentile` per cent of all do not exceed; `null` without any. */
  percentileMs(weights: Uint32Array, percentile: number): number | null {
    const last = this.#bins.length - 1;
    const total = last < 0 ? 0 : this.#countTo(last, weights);
    if (total === 0) return null;
    const needed = Math.max(1, Math.ceil((total * percentile) / 100));
    let [low, high] = [0, last];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#countTo(middle, weights) >= needed) high = middle;
      else low = middle + 1;
    }
    return durationOfBin(this.#bins[low] as number);
  }

  #countTo(place: number, weights: Uint32Array): number {
    const counts = this.#counts;
    const start = place * this.#blocks;
    let sum = 0;
    for (let block = 0; block < weights.length; block += 1) {
      sum += (weights[block] as number) * (counts[start + block] as number);
    }
    return sum;
  }
}
