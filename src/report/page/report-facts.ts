import type { HubExpectation } from '../../allocation/hub-expectation.ts';
import type { LatencyHistograms } from '../../metrics/latency-histograms.ts';
import type { RunTimeline } from '../../metrics/run-timeline.ts';
import type { Summary } from '../summary.ts';

/** Everything that report.html shows. */
export type ReportFacts = {
  readonly summary: Summary;
  readonly timeline: RunTimeline;
  readonly latency: LatencyHistograms;
  readonly hubExpectation: HubExpectation;
};

/** Time until these shares of the planned registrations were assigned; `null` = never. */
export function recoveryTimes({
  recovery,
}: Summary): readonly { readonly share: number; readonly afterMs: number | null }[] {
  return [
    { share: 0.5, afterMs: recovery.to50PercentMs },
    { share: 0.95, afterMs: recovery.to95PercentMs },
    { share: 0.99, afterMs: recovery.to99PercentMs },
    { share: 1, afterMs: recovery.to100PercentMs },
  ];
}
