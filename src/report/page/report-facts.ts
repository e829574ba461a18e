import type { HubExpectation } from '../../metrics/hub-expectation.ts';
import type { LatencyHistograms } from '../../metrics/latency-histograms.ts';
import type { RecoveryCurve } from '../../metrics/recovery-curve.ts';
import type { RunTimeline } from '../../metrics/run-timeline.ts';
import type { Summary } from '../summary.ts';

/** What report.html is made of. */
export type ReportFacts = {
  readonly summary: Summary;
  readonly timeline: RunTimeline;
  readonly latency: LatencyHistograms;
  readonly recovery: RecoveryCurve;
  readonly hubExpectation: HubExpectation;
};

/** Registrations that the run set out to do: all rows of all rounds, or as many as its limit let it start. */
export function plannedRegistrations({ results, end }: Summary): number {
  const all = Object.values(results).reduce((sum, count) => sum + count, 0);
  return end?.reason === 'limit' ? all - results['not-started'] : all;
}
