import type { AllocationVerdict } from './allocation-verdict.ts';
import { chiSquareQuantile } from './chi-square.ts';

/** Bounds of a share, or of a difference of shares; parts of 1. */
export type Interval = { readonly lower: number; readonly upper: number };

export type Sample = { readonly count: number; readonly of: number };

/**
 * The width at which the intervals of `shares` shares all hold simultaneously with probability `confidence`: the upper
 * (1 − confidence) / shares point of chi-square with 1 degree of freedom. L. A. Goodman, "On simultaneous confidence
 * intervals for multinomial proportions", Technometrics 7 (1965), 247–254, equation 2.5: Bonferroni's inequality.
 */
export function simultaneousWidth(confidence: number, shares: number): number {
  return chiSquareQuantile((1 - confidence) / Math.max(1, shares), 1);
}

/**
 * Goodman's interval, which is E. B. Wilson's score interval (JASA 22 (1927), 209–212): the shares p with
 * (p̂ − p)² ≤ `width` · p (1 − p) / n. Unlike p̂ ± an error, it is not empty if none or all were seen.
 */
export function shareInterval({ count, of }: Sample, width: number): Interval {
  if (of === 0) return { lower: 0, upper: 1 };
  const middle = count + width / 2;
  const radius = Math.sqrt(width * ((count * (of - count)) / of + width / 4));
  return {
    lower: count === 0 ? 0 : (middle - radius) / (of + width),
    upper: count === of ? 1 : (middle + radius) / (of + width),
  };
}

/**
 * Interval of the difference between two samples' shares, later − earlier, from their score intervals: R. G. Newcombe, "Interval
 * estimation for the difference between independent proportions", Statistics in Medicine 17 (1998), 873–890, method 10.
 */
export function differenceInterval(earlier: Sample, later: Sample, width: number): Interval {
  if (earlier.of === 0 || later.of === 0) return { lower: -1, upper: 1 };
  const [before, after] = [shareInterval(earlier, width), shareInterval(later, width)];
  const [shareBefore, shareAfter] = [earlier.count / earlier.of, later.count / later.of];
  const difference = shareAfter - shareBefore;
  return {
    lower: difference - Math.hypot(shareAfter - after.lower, before.upper - shareBefore),
    upper: difference + Math.hypot(after.upper - shareAfter, shareBefore - before.lower),
  };
}

/** An expected share: a stated number, or the share in an earlier run, which is itself a sample. */
type ExpectedShare = number | Sample;

export type ShareReason =
  | 'within' // the whole interval is within the tolerance
  | 'outside' // the whole interval is outside the tolerance
  | 'too-few' // the interval crosses the tolerance: more devices are needed
  | 'not-expected' // a device was assigned to a hub with share 0
  | 'missing' // no device was assigned to a hub with a share, which chance does not explain
  | 'unassigned'; // too many devices have no hub: they could have been assigned to any

export type ShareJudgement = {
  readonly verdict: AllocationVerdict;
  readonly reason: ShareReason;
  readonly interval: Interval;
};

/** @param width of the interval, by `simultaneousWidth` @param tolerance a part of 1, to either side */
export function judgeShare(sample: Sample, expected: ExpectedShare, tolerance: number, width: number): ShareJudgement {
  const interval = shareInterval(sample, width);
  if (typeof expected !== 'number') {
    return { interval, ...judgeDeviation(differenceInterval(expected, sample, width), tolerance) };
  }
  // Impossible under the expectation, whatever the tolerance or the number of devices.
  if (expected === 0 && sample.count > 0) return { interval, verdict: 'fail', reason: 'not-expected' };
  if (expected > 0 && sample.count === 0 && sample.of > 0) {
    // Even if the tolerance exceeds the share.
    return interval.upper < expected
      ? { interval, verdict: 'fail', reason: 'missing' }
      : { interval, verdict: 'inconclusive', reason: 'too-few' };
  }
  const deviation = { lower: interval.lower - expected, upper: interval.upper - expected };
  return { interval, ...judgeDeviation(deviation, tolerance) };
}

/** A deviation wholly within the tolerance passes, one wholly outside fails; anything else needs more devices. */
function judgeDeviation({ lower, upper }: Interval, tolerance: number): Omit<ShareJudgement, 'interval'> {
  if (lower >= -tolerance && upper <= tolerance) return { verdict: 'pass', reason: 'within' };
  if (lower > tolerance || upper < -tolerance) return { verdict: 'fail', reason: 'outside' };
  return { verdict: 'inconclusive', reason: 'too-few' };
}
