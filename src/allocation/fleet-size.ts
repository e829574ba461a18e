import { binomialProbability, type CountRange, rangeProbability } from './multinomial.ts';
import { judgeShare } from './share-interval.ts';

/** Largest fleet considered. */
const DEVICES_MAX = 1e9;

/** Tolerances are stated to a hundredth of a point. */
const TOLERANCE_STEP = 1e-4;

/** What the verdict on a cohort should show. */
export type VerdictAim = {
  /** Expected shares of all hubs, whose sum is 1; or the one share of devices that move. */
  readonly shares: readonly number[];
  /** Whether a single device without a share fails the verdict: true for hubs, false for devices that stay. */
  readonly strangersFail: boolean;
  readonly tolerance: number;
  /** Of the intervals, by `simultaneousWidth`. */
  readonly width: number;
  /** Probability that a service that keeps the shares passes. */
  readonly passes: number;
  /** Probability that a service that misses a share by twice the tolerance fails. */
  readonly fails: number;
  /** Devices of the earlier run whose shares are expected; `null` = shares are stated. */
  readonly reference: number | null;
};

/**
 * The smallest number of devices with which the verdict's own test shows what it should; `null` = no number is enough. It follows from
 * the distribution of the counts, of all hubs together: what one hub gets, another lacks.
 */
export function devicesNeeded(aim: VerdictAim): number | null {
  let enough = 1;
  while (!isEnough(enough, aim)) {
    if (enough > DEVICES_MAX) return null;
    enough *= 2;
  }
  let few = Math.floor(enough / 2);
  while (enough - few > 1) {
    const middle = Math.floor((few + enough) / 2);
    if (isEnough(middle, aim)) enough = middle;
    else few = middle;
  }
  return enough;
}

/** The smallest tolerance, to a hundredth of a point, for which this many devices are enough; 1 if none is. */
export function toleranceReached(devices: number, aim: VerdictAim): number {
  let [few, enough] = [0, 1 / TOLERANCE_STEP];
  while (enough - few > 1) {
    const middle = Math.floor((few + enough) / 2);
    if (isEnough(devices, { ...aim, tolerance: middle * TOLERANCE_STEP })) enough = middle;
    else few = middle;
  }
  return enough * TOLERANCE_STEP;
}

function isEnough(devices: number, aim: VerdictAim): boolean {
  const ranges = aim.shares.map((share) => ({ share, ...passingCounts(devices, share, aim) }));
  return keepersPass(comparedDevices(devices, aim), ranges, aim) && missesFail(devices, aim);
}

/** The counts of single hubs bound the probability that all pass, which takes longer to compute. */
function keepersPass(
  of: number,
  ranges: readonly (CountRange & { readonly share: number })[],
  { passes }: VerdictAim,
): boolean {
  if (ranges.some(({ least, most }) => least > most)) return false;
  const known = new Map(ranges.map((range) => [range.share, binomialProbability(of, range.share, range)]));
  const single = ranges.map(({ share }) => known.get(share) ?? 0);
  if (Math.min(...single) < passes) return false;
  if (single.reduce((all, probability) => all - (1 - probability), 1) >= passes) return true;
  return rangeProbability(of, ranges) >= passes;
}

function missesFail(devices: number, aim: VerdictAim): boolean {
  return [...new Set(aim.shares)].every((share) => failsWhenMissed(devices, share, aim));
}

/** A single sample that varies as much as the difference from the earlier one: 1 / n = 1 / devices + 1 / reference. */
function comparedDevices(devices: number, { reference }: VerdictAim): number {
  return reference === null ? devices : Math.max(1, Math.floor(1 / (1 / devices + 1 / reference)));
}

function passingCounts(devices: number, share: number, aim: VerdictAim): CountRange {
  const expected = Math.round(devices * share);
  const passes = (count: number): boolean => verdictOn(count, devices, share, aim) === 'pass';
  if (!passes(expected)) return { least: 1, most: 0 };
  const least = expected - furthest(expected, (steps) => passes(expected - steps));
  const most = expected + furthest(devices - expected, (steps) => passes(expected + steps));
  return {
    least: Math.ceil(asCompared(least, devices, share, aim)),
    most: Math.floor(asCompared(most, devices, share, aim)),
  };
}

/** Returns whether a share that is off by twice the tolerance, in the direction that is harder to see, fails often enough. */
function failsWhenMissed(devices: number, share: number, aim: VerdictAim): boolean {
  const { tolerance, fails, reference, strangersFail } = aim;
  // What one hub lacks goes to a hub that should get nothing, where one device is enough to fail.
  if (share === 1 && reference === null && strangersFail) return 1 - Math.max(0, 1 - 2 * tolerance) ** devices >= fails;
  const of = comparedDevices(devices, aim);
  const expected = Math.round(devices * share);
  const [low, high] = [share - 2 * tolerance, share + 2 * tolerance];
  const failing = (count: number): boolean => verdictOn(count, devices, share, aim) === 'fail';
  if (low >= 0) {
    const most = expected - 1 - furthest(expected, (steps) => !failing(expected - steps));
    const range = { least: 0, most: Math.floor(asCompared(most, devices, share, aim)) };
    if (binomialProbability(of, low, range) < fails) return false;
  }
  if (high > 1) return true;
  const least = expected + 1 + furthest(devices - expected, (steps) => !failing(expected + steps));
  return binomialProbability(of, high, { least: Math.ceil(asCompared(least, devices, share, aim)), most: of }) >= fails;
}

/** A count with the same deviation from the expected share, among the devices of `comparedDevices`. */
function asCompared(count: number, devices: number, share: number, aim: VerdictAim): number {
  if (aim.reference === null) return count;
  return comparedDevices(devices, aim) * (share + (count - devices * share) / devices);
}

function verdictOn(count: number, devices: number, share: number, { tolerance, width, reference }: VerdictAim) {
  const expected = reference === null ? share : { count: Math.round(share * reference), of: reference };
  return judgeShare({ count, of: devices }, expected, tolerance, width).verdict;
}

/** The most steps, up to `max`, for which `holds` is true: if it is true for a number of steps, it is true for fewer, and always for 0. */
function furthest(max: number, holds: (steps: number) => boolean): number {
  let [yes, no] = [0, max + 1];
  while (no - yes > 1) {
    const middle = Math.floor((yes + no) / 2);
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}
