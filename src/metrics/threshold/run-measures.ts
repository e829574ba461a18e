import type { AllocationJudgement } from '../allocation/judge-allocation.ts';
import type { Movement } from '../allocation/movement-counts.ts';
import type { HubDistribution } from '../hub-distribution.ts';
import type { LatencyHistograms } from '../latency-histograms.ts';
import type { HealthSummary } from '../load-generator-health.ts';
import type { OutcomeCounts } from '../outcome-counts.ts';
import type { RecoveryCurve } from '../recovery-curve.ts';
import type { RunTotals } from '../run-totals.ts';

/** What thresholds are judged by: the folds of a run, at its end or while it goes on. */
export type RunMeasures = {
  /** `null` = not known before the end. */
  readonly plannedRegistrations: number | null;
  readonly rejectedRows: number;
  readonly counts: OutcomeCounts;
  readonly possiblyTwice: number;
  readonly latency: LatencyHistograms;
  /** `null` = not known before the end. */
  readonly recovery: RecoveryCurve | null;
  readonly hubs: HubDistribution;
  readonly totals: RunTotals;
  /** `null` = nothing is expected of the allocation policy, or not known before the end. */
  readonly allocation: AllocationJudgement | null;
  /** `null` = known of no device that had a hub before, or not known before the end. */
  readonly movement: Movement | null;
  /** `null` = not known before the end. */
  readonly health: HealthSummary | null;
};
