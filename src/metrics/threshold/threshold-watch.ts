import type { RegistrationOutcome } from '../../registration/registration-outcome.ts';
import { HubDistribution } from '../hub-distribution.ts';
import { LatencyHistograms } from '../latency-histograms.ts';
import { OutcomeCounts } from '../outcome-counts.ts';
import { RunTotals } from '../run-totals.ts';
import { isBrokenEarly, judgeThreshold, type ThresholdResult } from './judge-threshold.ts';
import type { Threshold } from './threshold.ts';

/** Ended registrations from which a rate or a percentile is judged: of fewer, one alone is more than a per cent. */
export const ABORT_REGISTRATIONS_MIN = 100;

/** Watches a run for thresholds that are to stop it. */
export class ThresholdWatch {
  readonly #thresholds: readonly Threshold[];
  readonly #measures = {
    plannedRegistrations: null,
    rejectedRows: 0,
    counts: new OutcomeCounts(),
    possiblyTwice: 0,
    latency: new LatencyHistograms(),
    recovery: null,
    hubs: new HubDistribution(),
    totals: new RunTotals(),
    health: null,
    allocation: null,
    movement: null,
  };

  constructor(thresholds: readonly Threshold[]) {
    this.#thresholds = thresholds.filter(({ abort }) => abort);
  }

  add(outcome: RegistrationOutcome): void {
    if (this.#thresholds.length === 0) return;
    const { counts, latency, hubs, totals } = this.#measures;
    for (const fold of [counts, latency, hubs, totals]) fold.add(outcome);
    if (outcome.possiblyTwice) this.#measures.possiblyTwice += 1;
  }

  /** The first threshold that is broken, with what was observed; `null` = none is. */
  broken(): ThresholdResult | null {
    const isEnough = this.#measures.totals.values().ended >= ABORT_REGISTRATIONS_MIN;
    const broken = this.#thresholds.find((threshold) => isBrokenEarly(threshold, this.#measures, isEnough));
    return broken === undefined ? null : judgeThreshold(broken, this.#measures, false);
  }
}
