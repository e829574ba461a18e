import type { RegistrationOutcome } from '../../registration/registration-outcome.ts';
import { HubDistribution } from '../hub-distribution.ts';
import { LatencyHistograms } from '../latency-histograms.ts';
import { OutcomeCounts } from '../outcome-counts.ts';
import { RunTotals } from '../run-totals.ts';
import { printThreshold } from './parse-threshold.ts';
import { type Comparator, limitOf, type Quantity, type Threshold } from './threshold.ts';
import { metricNamed, type RunMeasures, type ThresholdMetric } from './threshold-metrics.ts';

/** How a run did by one threshold. */
export type ThresholdResult = {
  readonly expression: string;
  readonly quantity: Quantity;
  /** Milliseconds, a part of 1, or a plain number; `null` = nothing was measured, which passes no threshold. */
  readonly observed: number | null;
  readonly passed: boolean;
  /** It holds, and yet counts as failed: the load generator was too slow to measure it. */
  readonly limited: boolean;
};

const HOLDS: Readonly<Record<Comparator, (observed: number, limit: number) => boolean>> = {
  '<': (observed, limit) => observed < limit,
  '<=': (observed, limit) => observed <= limit,
  '>': (observed, limit) => observed > limit,
  '>=': (observed, limit) => observed >= limit,
  '==': (observed, limit) => observed === limit,
  '!=': (observed, limit) => observed !== limit,
};

/** @param allowLimited also believe times that a slow load generator took */
export function judgeThreshold(threshold: Threshold, measures: RunMeasures, allowLimited: boolean): ThresholdResult {
  const metric = metricOf(threshold);
  const observed = observe(threshold, measures);
  const holds = observed !== null && HOLDS[threshold.comparison](observed, limitOf(threshold));
  const limited = holds && metric.ofTime && measures.health?.limited === true && !allowLimited;
  const expression = printThreshold(threshold);
  return { expression, quantity: metric.quantity, observed, passed: holds && !limited, limited };
}

/** What the run did, in the unit of the metric's quantity. */
function observe(threshold: Threshold, measures: RunMeasures): number | null {
  return metricOf(threshold).observe(measures, threshold.argument ?? '');
}

/** Whether a threshold with `abort` is broken for good, or, of what goes up and down, is broken with enough registrations. */
function isBrokenEarly(threshold: Threshold, measures: RunMeasures, isEnough: boolean): boolean {
  const observed = observe(threshold, measures);
  if (observed === null || (metricOf(threshold).live === 'settles' && !isEnough)) return false;
  const limit = limitOf(threshold);
  return threshold.comparison === '<' ? observed >= limit : observed > limit;
}

function metricOf({ metric: name }: Threshold): ThresholdMetric {
  const metric = metricNamed(name);
  if (metric === null) throw new Error(`a threshold was read that has no metric: ${name}`);
  return metric;
}

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
