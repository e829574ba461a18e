import type { Interval } from '../../allocation/share-interval.ts';
import type { RunBlocks } from './run-blocks.ts';
import { RunSample } from './run-sample.ts';

/** Runs drawn from the blocks of each run: 20 of them lie beyond an interval of 99%. */
const DRAWS = 2_000;

/**
 * With fewer blocks, a run tells nothing about how much it varies: 8 can be drawn in 6,435 ways, 5 in only 126, fewer than the tails of
 * an interval have draws; nor could the correlation of neighbors be found.
 */
export const BLOCKS_MIN = 8;

/** One figure of one run, as it is and as it might have been. */
export type RunEstimate = {
  readonly value: number;
  /** Its value in each drawn run; `NaN` = that run lacks it. */
  readonly sampled: Float64Array;
  /** Blocks that have it. */
  readonly blocks: number;
  /** How many times as large its variance is as if neighboring blocks had nothing in common; at least 1. */
  readonly dependence: number;
  /** Its lowest and highest value in half of the run, whichever blocks in a row that is: what one or two rare events do to it. */
  readonly halves: Interval;
  /** The registrations of which a share is a part; `null` = it is no share. */
  readonly outOf: number | null;
};

/** What the blocks of a run tell about a figure. */
export type DrawnFigure = Omit<RunEstimate, 'outOf'>;

/** Reads a figure from a run; `null` = the run has none. */
export type FigureReader = (sample: RunSample) => number | null;

/**
 * Draws runs from the blocks of one run and reads the figures of each. Non-overlapping block bootstrap: E. Carlstein, "The use of
 * subseries values for estimating the variance of a general statistic from a stationary sequence", Annals of Statistics 14 (1986),
 * 1171–1179. A figure that the run lacks is `null`.
 *
 * @param random the number of a draw, in [0, 1)
 */
export function estimateFigures(
  run: RunBlocks,
  figures: readonly FigureReader[],
  random: (draw: number) => number,
): readonly (DrawnFigure | null)[] {
  const sample = new RunSample(run);
  const values = figures.map((figure) => figure(sample));
  const blocks = figures.map((figure) => blocksWith(figure, sample));
  const dependences = figures.map((figure, index) => dependenceOf(figure, sample, blocks[index] as readonly number[]));
  const halves = figures.map((figure, index) => halvesOf(figure, sample, blocks[index] as readonly number[]));
  const sampled = figures.map(() => new Float64Array(DRAWS));
  let drawn = 0;
  const next = (): number => random(drawn++);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    sample.draw(next);
    for (const [index, figure] of figures.entries())
      (sampled[index] as Float64Array)[draw] = figure(sample) ?? Number.NaN;
  }
  return values.map((value, index) => {
    if (value === null) return null;
    return {
      value,
      sampled: sampled[index] as Float64Array,
      blocks: (blocks[index] as readonly number[]).length,
      dependence: dependences[index] as number,
      halves: halves[index] as Interval,
    };
  });
}

function blocksWith(figure: FigureReader, sample: RunSample): readonly number[] {
  return Array.from({ length: sample.blocks }, (_, block) => block).filter((block) => {
    sample.keep((each) => each === block);
    return figure(sample) !== null;
  });
}

/** The last block is followed by the first. */
function halvesOf(figure: FigureReader, sample: RunSample, blocks: readonly number[]): Interval {
  const kept = Math.ceil(blocks.length / 2);
  const values = blocks.flatMap((_, first) => {
    const half = new Set([...blocks, ...blocks].slice(first, first + kept));
    sample.keep((block) => half.has(block));
    return figure(sample) ?? [];
  });
  return { lower: Math.min(...values), upper: Math.max(...values) };
}

/** Beyond this, too few blocks remain to tell. */
const CORRELATION_MAX = 0.9;

/**
 * From the correlation r of neighboring blocks' influence on the figure, by leaving out one block at a time: 1 + 2 Σ (1 − k/n) r^k, as
 * for a first-order autoregression. In n blocks, r is found too small by (1 + 4r) / n (M. G. Kendall, Biometrika 41 (1954), 403–404).
 */
function dependenceOf(figure: FigureReader, sample: RunSample, blocks: readonly number[]): number {
  const n = blocks.length;
  if (n < BLOCKS_MIN) return 1;
  const without = blocks.map((block) => {
    sample.keep((each) => each !== block);
    return figure(sample) ?? 0;
  });
  const middle = without.reduce((sum, value) => sum + value, 0) / n;
  const influence = without.map((value) => value - middle);
  const squares = influence.reduce((sum, value) => sum + value ** 2, 0);
  const products = influence.slice(1).reduce((sum, value, before) => sum + value * (influence[before] as number), 0);
  if (squares === 0) return 1;
  const correlation = Math.min(CORRELATION_MAX, (products / squares + 1 / n) / (1 - 4 / n));
  let sum = 1;
  for (let lag = 1; lag < n; lag += 1) sum += 2 * (1 - lag / n) * Math.max(0, correlation) ** lag;
  return sum;
}
