import { chiSquareQuantile } from '../../allocation/chi-square.ts';
import { differenceInterval, type Interval, type Sample } from '../../allocation/share-interval.ts';
import { BLOCKS_MIN, type RunEstimate } from './run-estimate.ts';
import { studentQuantile } from './student-quantile.ts';

/** A change of one figure: the candidate against the mean of the baselines. */
export type Change = { readonly baselines: readonly RunEstimate[]; readonly candidate: RunEstimate };

/**
 * Intervals of the differences candidate − mean of the baselines, all of which hold together with probability `confidence`; `null` =
 * nothing is known about how much it varies.
 *
 * Each is the hull of three: the difference ± Student's t times its standard error, which allows for few blocks; the quantiles of
 * the drawn differences, which know skewed and many-peaked figures; and the differences between halves of the runs, so that one or
 * two rare events, such as stalls, never make a change. For a figure that all blocks share, the third is the narrowest.
 */
export function simultaneousIntervals(changes: readonly Change[], confidence: number): readonly (Interval | null)[] {
  const measured = changes.map((change) => ({ change, error: errorOf(change), drawn: drawnDifferences(change) }));
  const alone = (1 - confidence) / Math.max(1, changes.length);
  const drawn = measured.flatMap((each) => (each.drawn.length === 0 ? [] : [each.drawn]));
  const together = jointTail(drawn, alone * drawn.length);
  return measured.map((each) => {
    const tail = each.drawn.length === 0 ? alone : together;
    if (each.error === null) return groupedShareInterval(each.change, tail);
    return intervalOf(each.change, each.error, each.drawn, tail);
  });
}

/** Devices that share a fate, where too few blocks tell how many: enough for a burst of failures, few enough to see that most fail. */
const DEVICES_TOGETHER = 10;

/** The difference of two shares as if devices came in groups of `DEVICES_TOGETHER`; `null` for what is no share. */
function groupedShareInterval({ baselines, candidate }: Change, tail: number): Interval | null {
  const [before, after] = [groupsOf(baselines), groupsOf([candidate])];
  return before === null || after === null ? null : differenceInterval(before, after, chiSquareQuantile(tail, 1));
}

function groupsOf(estimates: readonly RunEstimate[]): Sample | null {
  let [count, of] = [0, 0];
  for (const { value, outOf } of estimates) {
    if (outOf === null) return null;
    count += (value * outOf) / DEVICES_TOGETHER;
    of += outOf / DEVICES_TOGETHER;
  }
  return { count, of };
}

function intervalOf(
  { baselines, candidate }: Change,
  error: StandardError,
  drawn: Float64Array,
  tail: number,
): Interval {
  const difference = candidate.value - mean(baselines.map(({ value }) => value));
  const { variance, degreesOfFreedom } = error;
  const radius = variance === 0 ? 0 : Math.sqrt(variance) * studentQuantile(tail, degreesOfFreedom);
  const sorted = drawn.filter((each) => !Number.isNaN(each)).sort();
  const edge = Math.floor((sorted.length * tail) / 2);
  const least = candidate.halves.lower - mean(baselines.map(({ halves }) => halves.upper));
  const most = candidate.halves.upper - mean(baselines.map(({ halves }) => halves.lower));
  return {
    lower: Math.min(difference - radius, sorted[edge] ?? difference, least),
    upper: Math.max(difference + radius, sorted[sorted.length - 1 - edge] ?? difference, most),
  };
}

/**
 * The probability at which each of several figures may miss, so that any of them misses with probability `tail` at most, given how
 * they vary together: the `tail` quantile of the smallest p-value over all figures of a draw. P. H. Westfall and S. S. Young,
 * "Resampling-Based Multiple Testing" (1993), single-step minP. Never below Bonferroni's `tail` / figures.
 */
function jointTail(drawn: readonly Float64Array[], tail: number): number {
  const [first] = drawn;
  if (first === undefined) return tail;
  const smallest = new Float64Array(first.length).fill(1);
  for (const differences of drawn) {
    const middle = mean(differences.filter((each) => !Number.isNaN(each)));
    const distances = differences.map((each) => (Number.isNaN(each) ? 0 : Math.abs(each - middle)));
    const sorted = distances.slice().sort();
    for (let draw = 0; draw < distances.length; draw += 1) {
      const beyond = sorted.length - firstPlaceOf(sorted, distances[draw] as number);
      smallest[draw] = Math.min(smallest[draw] as number, beyond / sorted.length);
    }
  }
  smallest.sort();
  const quantile = smallest[Math.max(0, Math.floor(tail * smallest.length) - 1)] as number;
  return Math.max(tail / drawn.length, quantile);
}

/** The place of the first value that is not below `value`, in an ascending array. */
function firstPlaceOf(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

type StandardError = { readonly variance: number; readonly degreesOfFreedom: number };

/** Sum of independent parts of a variance; its degrees of freedom by F. E. Satterthwaite (Biometrics Bulletin 2 (1946), 110–114). */
function errorOf({ baselines, candidate }: Change): StandardError | null {
  const runs = baselines.length;
  const own = withinRun(candidate);
  const within = baselines.flatMap((baseline) => withinRun(baseline) ?? []);
  if (runs < 2 && (own === null || within.length < runs)) return null;
  const parts = within.map(({ variance, degreesOfFreedom }) => ({ variance: variance / runs ** 2, degreesOfFreedom }));
  if (own !== null) parts.push(own);
  if (runs >= 2) {
    const whole = sampleVariance(baselines.map(({ value }) => value));
    const between = Math.max(0, whole - mean(within.map(({ variance }) => variance)));
    parts.push({ variance: between * (1 + 1 / runs), degreesOfFreedom: runs - 1 });
  }
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  const squares = parts.reduce((sum, part) => sum + part.variance ** 2 / part.degreesOfFreedom, 0);
  return { variance, degreesOfFreedom: squares === 0 ? 1 : variance ** 2 / squares };
}

/** A drawn run varies less than a new one, by the factor (blocks − 1) / blocks, and by what neighboring blocks have in common. */
function withinRun({ sampled, blocks, dependence }: RunEstimate): StandardError | null {
  if (blocks < BLOCKS_MIN) return null;
  const variance = sampleVariance(sampled.filter((value) => !Number.isNaN(value)));
  return { variance: (variance * dependence * blocks) / (blocks - 1), degreesOfFreedom: blocks - 1 };
}

/** `NaN` = a drawn run lacks the figure; empty = nothing was drawn from one of the runs. */
function drawnDifferences({ baselines, candidate }: Change): Float64Array {
  if ([candidate, ...baselines].some(({ blocks }) => blocks < BLOCKS_MIN)) return new Float64Array();
  return candidate.sampled.map((value, draw) => value - mean(baselines.map(({ sampled }) => sampled[draw] as number)));
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index] as number;
  return values.length === 0 ? 0 : sum / values.length;
}

function sampleVariance(values: ArrayLike<number>): number {
  const middle = mean(values);
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += ((values[index] as number) - middle) ** 2;
  return values.length < 2 ? 0 : sum / (values.length - 1);
}
