import { BlockPercentiles } from './block-percentiles.ts';
import {
  COMPARED_LATENCIES,
  type ComparedLatency,
  type LaunchBlock,
  type LaunchSum,
  type RunBlocks,
} from './run-blocks.ts';

/** A run made of the blocks of another, of which each occurs as often as its weight says: at first once. */
export class RunSample {
  readonly #run: RunBlocks;
  readonly #latencies: ReadonlyMap<ComparedLatency, BlockPercentiles>;
  readonly #launchWeights: Uint32Array;
  readonly #endWeights: Uint32Array;

  constructor(run: RunBlocks) {
    const { launches, ends } = run;
    this.#run = run;
    this.#latencies = new Map(
      COMPARED_LATENCIES.map((metric) => [
        metric,
        new BlockPercentiles(launches.map(({ latencies }) => latencies.get(metric) ?? new Map())),
      ]),
    );
    this.#launchWeights = new Uint32Array(launches.length).fill(1);
    this.#endWeights = new Uint32Array(ends.length).fill(1);
  }

  /** Draws as many blocks as the run has, with replacement. @param random each call gives a number in [0, 1) */
  draw(random: () => number): void {
    for (const weights of [this.#launchWeights, this.#endWeights]) {
      weights.fill(0);
      for (let drawn = 0; drawn < weights.length; drawn += 1) {
        const block = Math.floor(random() * weights.length);
        weights[block] = (weights[block] ?? 0) + 1;
      }
    }
  }

  /** Takes each of these blocks once, and no other. */
  keep(isKept: (block: number) => boolean): void {
    for (const weights of [this.#launchWeights, this.#endWeights]) {
      for (let block = 0; block < weights.length; block += 1) weights[block] = isKept(block) ? 1 : 0;
    }
  }

  get blocks(): number {
    return Math.max(this.#launchWeights.length, this.#endWeights.length);
  }

  percentileMs(metric: ComparedLatency, percentile: number): number | null {
    return this.#latencies.get(metric)?.percentileMs(this.#launchWeights, percentile) ?? null;
  }

  /** For each launched registration; `null` without any. */
  perLaunched(sum: LaunchSum): number | null {
    return ratio(
      this.#total(({ sums }) => sums[sum]),
      this.#total(({ sums }) => sums.launched),
    );
  }

  /** Part of the launched registrations that failed with this code. */
  errorShare(code: string): number | null {
    return ratio(
      this.#total(({ errors }) => errors.get(code) ?? 0),
      this.#total(({ sums }) => sums.launched),
    );
  }

  /** Part of the assigned registrations that came to this hub. */
  hubShare(hub: string): number | null {
    return ratio(
      this.#total(({ hubs }) => hubs.get(hub) ?? 0),
      this.#total(({ sums }) => sums.assigned),
    );
  }

  endedPerSecond(): number | null {
    let [ended, activeMs] = [0, 0];
    for (const [block, values] of this.#run.ends.entries()) {
      const weight = this.#endWeights[block] ?? 0;
      ended += weight * values.ended;
      activeMs += weight * values.activeMs;
    }
    return ratio(ended * 1000, activeMs);
  }

  #total(of: (block: LaunchBlock) => number): number {
    const { launches } = this.#run;
    let sum = 0;
    for (let block = 0; block < launches.length; block += 1) {
      sum += (this.#launchWeights[block] as number) * of(launches[block] as LaunchBlock);
    }
    return sum;
  }
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
