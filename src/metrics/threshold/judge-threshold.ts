import type { RegistrationOutcome } from '../../registration/registration-outcome.ts';
import { HubDistribution } from '../hub-distribution.ts';
import { LatencyHistograms } from '../latency-histograms.ts';
import { OutcomeCounts } from '../outcome-counts.ts';
import { RunTotals } from '../run-totals.ts';
import { printThreshold } from './parse-threshold.ts';
import { ABORT_REGISTRATIONS_MIN, type Comparator, limitOf, type Quantity, type Threshold } from './threshold.ts';
import { metricNamed, type RunMeasures, type ThresholdMetric } from './threshold-metrics.ts';

/** The result of one threshold. */
export type ThresholdResult = {
  readonly expression: string;
  readonly quantity: Quantity;
  /** Milliseconds, a part of 1, or a plain number; `null` = not measured, which fails every threshold. */
  readonly observed: number | null;
  readonly passed: boolean;
  /** The threshold holds but counts as failed, because the load generator was too slow to measure it. */
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

/** @param allowLimited also accept times measured by a slow load generator */
export function judgeThreshold(threshold: Threshold, measures: RunMeasures, allowLimited: boolean): ThresholdResult {
  const metric = metricOf(threshold);
  const observed = metric.observe(measures, threshold.argument ?? '');
  const holds = observed !== null && HOLDS[threshold.comparison](observed, limitOf(threshold));
  const limited = holds && metric.ofTime && measures.health?.limited === true && !allowLimited;
  const expression = printThreshold(threshold);
  return { expression, quantity: metric.quantity, observed, passed: holds && !limited, limited };
}

/** Returns whether a threshold with `abort` is broken for good; metrics that rise and fall need enough registrations first. */
function isBrokenEarly(threshold: Threshold, measures: RunMeasures, isEnough: boolean): boolean {
  const metric = metricOf(threshold);
  const observed = metric.observe(measures, threshold.argument ?? '');
  if (observed === null || (metric.live === 'settles' && !isEnough)) return false;
  const limit = limitOf(threshold);
  return threshold.comparison === '<' ? observed >= limit : observed > limit;
}

function metricOf({ metric: name }: Threshold): ThresholdMetric {
  const metric = metricNamed(name);
  if (metric === null) throw new Error(`a parsed threshold has an unknown metric: ${name}`);
  return metric;
}

/** Watches a run for broken thresholds that stop it. */
export class ThresholdWatch {
  readonly #thresholds: readonly Threshold[];
  readonly #measures = {
    plannedRegistrations: null,
    rejectedRows: 0,
    registersUncounted: 0,
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

  /** @param rejectedRows of the fleet, which are known before the run begins */
  constructor(thresholds: readonly Threshold[], rejectedRows: number) {
    this.#thresholds = thresholds.filter(({ abort }) => abort);
    this.#measures.rejectedRows = rejectedRows;
  }

  add(outcome: RegistrationOutcome): void {
    if (this.#thresholds.length === 0) return;
    const { counts, latency, hubs, totals } = this.#measures;
    for (const fold of [counts, latency, hubs, totals]) fold.add(outcome);
    if (outcome.possiblyTwice) this.#measures.possiblyTwice += 1;
  }

  /** The first broken threshold; `null` = none. */
  broken(): ThresholdResult | null {
    const isEnough = this.#measures.totals.values().ended >= ABORT_REGISTRATIONS_MIN;
    const broken = this.#thresholds.find((threshold) => isBrokenEarly(threshold, this.#measures, isEnough));
    return broken === undefined ? null : judgeThreshold(broken, this.#measures, false);
  }
}
