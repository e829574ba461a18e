import type { AllocationVerdict } from './allocation-verdict.ts';
import { differenceInterval, type Interval, type Sample, shareInterval } from './share-interval.ts';

/** What is expected of a share: a number that somebody stated, or what an earlier run had, which is a sample too. */
export type ExpectedShare =
  | { readonly kind: 'stated'; readonly share: number }
  | { readonly kind: 'seen'; readonly sample: Sample };

export type ShareReason =
  | 'within' // the whole interval is within the tolerance
  | 'outside' // the whole interval is outside of it
  | 'too-few' // the interval is in and out: more devices are needed
  | 'not-expected' // a device came to a hub that is to get none
  | 'missing' // no device came to a hub that is to get some, which chance does not explain
  | 'unassigned'; // too many devices came to no hub at all: they could have gone anywhere

export type ShareJudgement = {
  readonly verdict: AllocationVerdict;
  readonly reason: ShareReason;
  readonly interval: Interval;
};

/** @param width of the interval, by `simultaneousWidth` @param tolerance a part of 1, to either side */
export function judgeShare(sample: Sample, expected: ExpectedShare, tolerance: number, width: number): ShareJudgement {
  const interval = shareInterval(sample, width);
  if (expected.kind === 'seen') {
    return { interval, ...judgeDeviation(differenceInterval(expected.sample, sample, width), tolerance) };
  }
  const { share } = expected;
  // Under the expectation these cannot happen at all: no tolerance and no number of devices make them right.
  if (share === 0 && sample.count > 0) return { interval, verdict: 'fail', reason: 'not-expected' };
  if (share > 0 && sample.count === 0 && sample.of > 0) {
    // Also where the tolerance is wider than the share.
    return interval.upper < share
      ? { interval, verdict: 'fail', reason: 'missing' }
      : { interval, verdict: 'inconclusive', reason: 'too-few' };
  }
  const deviation = { lower: interval.lower - share, upper: interval.upper - share };
  return { interval, ...judgeDeviation(deviation, tolerance) };
}

/** A deviation that is wholly within the tolerance passes, one that is wholly outside fails; anything else needs more devices. */
function judgeDeviation({ lower, upper }: Interval, tolerance: number): Omit<ShareJudgement, 'interval'> {
  if (lower >= -tolerance && upper <= tolerance) return { verdict: 'pass', reason: 'within' };
  if (lower > tolerance || upper < -tolerance) return { verdict: 'fail', reason: 'outside' };
  return { verdict: 'inconclusive', reason: 'too-few' };
}
