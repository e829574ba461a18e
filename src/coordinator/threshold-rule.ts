import type { Threshold } from '../metrics/threshold/threshold.ts';
import { ThresholdWatch } from '../metrics/threshold/threshold-watch.ts';
import { describeThreshold } from '../report/describe-threshold.ts';
import type { StopRule } from './stop-rule.ts';

/** Percentiles are not asked for at every outcome: a second is soon enough to stop. */
const CHECK_INTERVAL_MS = 1_000;

/** The run should not go on when a threshold with `abort` is broken. */
export function thresholdRule(thresholds: readonly Threshold[]): StopRule {
  const watch = new ThresholdWatch(thresholds);
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  return {
    add(outcome) {
      watch.add(outcome);
      const { finishedAtMs } = outcome;
      if (finishedAtMs === null || finishedAtMs < checkedAtMs + CHECK_INTERVAL_MS) return null;
      checkedAtMs = finishedAtMs;
      const broken = watch.broken();
      return broken === null ? null : { reason: 'threshold', message: describeThreshold(broken) };
    },
  };
}
