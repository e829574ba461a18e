import type { OutcomeRecord } from '../../src/journal/journal-record.ts';
import { HubDistribution } from '../../src/metrics/hub-distribution.ts';
import { LatencyHistograms } from '../../src/metrics/latency-histograms.ts';
import { LoadGeneratorHealth } from '../../src/metrics/load-generator-health.ts';
import { OutcomeCounts } from '../../src/metrics/outcome-counts.ts';
import { RecoveryCurve } from '../../src/metrics/recovery-curve.ts';
import { RunTotals } from '../../src/metrics/run-totals.ts';
import type { RunMeasures } from '../../src/metrics/threshold/run-measures.ts';
import { sampleRecord } from './sample-journal.ts';

/** The folds of a run with these outcomes. @param loopDelayMs of every second */
export function runMeasures(outcomes: readonly OutcomeRecord[], loopDelayMs = 5): RunMeasures {
  const [counts, latency, hubs, totals] = [
    new OutcomeCounts(),
    new LatencyHistograms(),
    new HubDistribution(),
    new RunTotals(),
  ];
  const recovery = new RecoveryCurve();
  for (const outcome of outcomes) {
    for (const fold of [counts, latency, hubs, totals]) fold.add(outcome);
    recovery.add(outcome, 0);
  }
  const health = new LoadGeneratorHealth();
  health.add(sampleRecord(1000, { loopDelayMaxMs: [loopDelayMs] }), 2);
  return {
    registrations: outcomes.length,
    rejectedRows: 0,
    possiblyTwice: outcomes.filter(({ possiblyTwice }) => possiblyTwice).length,
    health: health.summary(null),
    counts,
    latency,
    recovery,
    hubs,
    totals,
  };
}
