import type { RegistrationOutcome } from '../../registration/registration-outcome.ts';
import { HubDistribution } from '../hub-distribution.ts';
import { LatencyHistograms } from '../latency-histograms.ts';
import { OutcomeCounts } from '../outcome-counts.ts';
import { withoutStalls } from '../outcome-times.ts';
import { RunTotals } from '../run-totals.ts';
import { printThreshold } from './parse-threshold.ts';
import { ABORT_REGISTRATIONS_MIN, type Comparator, limitOf, type Quantity, type Threshold } from './threshold.ts';
import { metricNamed, type RunMeasures, START_LAG_WORD, type ThresholdMetric } from './threshold-metrics.ts';

/** The result of one threshold. */
export type ThresholdResult = {
  readonly expression: string;
  readonly quantity: Quantity;
  /** Milliseconds, a part of 1, or a plain number; `null` = not measured, which fails every threshold. */
  readonly observed: number | null;
  readonly passed: boolean;
  /** Whether the threshold holds depends on delays that the load generator itself may have caused. */
  readonly limited: boolean;
  /** What it would be without those delays, where that decides; the true value lies between the two. `null` = it does not. */
  readonly withoutLoadGenerator: number | null;
};

const HOLDS: Readonly<Record<Comparator, (observed: number, limit: number) => boolean>> = {
  '<': (observed, limit) => observed < limit,
  '<=': (observed, limit) => observed <= limit,
  '>': (observed, limit) => observed > limit,
  '>=': (observed, limit) => observed >= limit,
  '==': (observed, limit) => observed === limit,
  '!=': (observed, limit) => observed !== limit,
};

/**
 * Judges a threshold on a time with and without the delays that the load generator may have caused. If both agree, that is the answer.
 * Otherwise it is undecided, and does not pass.
 *
 * @param allowLimited an undecided threshold passes
 */
export function judgeThreshold(threshold: Threshold, measures: RunMeasures, allowLimited: boolean): ThresholdResult {
  const observed = observe(threshold, measures);
  const without = observeWithoutStalls(threshold, measures);
  const holds = isMet(threshold, observed);
  const limited = holds !== isMet(threshold, without);
  return {
    expression: printThreshold(threshold),
    quantity: metricOf(threshold).quantity,
    observed,
    passed: limited ? allowLimited : holds,
    limited,
    withoutLoadGenerator: limited ? without : null,
  };
}

function isMet(threshold: Threshold, observed: number | null): boolean {
  return observed !== null && HOLDS[threshold.comparison](observed, limitOf(threshold));
}

function observe(threshold: Threshold, measures: RunMeasures): number | null {
  return metricOf(threshold).observe(measures, threshold.argument ?? '');
}

/** A threshold on the lateness of the load generator itself is judged as measured. */
function observeWithoutStalls(threshold: Threshold, measures: RunMeasures): number | null {
  const isOwn = !metricOf(threshold).ofTime || threshold.argument === START_LAG_WORD;
  return observe(threshold, isOwn ? measures : { ...measures, ...measures.withoutStalls });
}

/**
 * Returns whether a threshold with `abort` is broken for good, whatever the load generator may have caused; metrics that rise and fall need
 * enough registrations first.
 */
function isBrokenEarly(threshold: Threshold, measures: RunMeasures, isEnough: boolean): boolean {
  if (metricOf(threshold).live === 'settles' && !isEnough) return false;
  const limit = limitOf(threshold);
  return [observe(threshold, measures), observeWithoutStalls(threshold, measures)].every(
    (observed) => observed !== null && (threshold.comparison === '<' ? observed >= limit : observed > limit),
  );
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
    withoutStalls: { latency: new LatencyHistograms(), recovery: null, totals: new RunTotals() },
    health: null,
    allocation: null,
    movement: null,
    hubCheck: null,
  };

  /** @param rejectedRows of the fleet, which are known before the run begins */
  constructor(thresholds: readonly Threshold[], rejectedRows: number) {
    this.#thresholds = thresholds.filter(({ abort }) => abort);
    this.#measures.rejectedRows = rejectedRows;
  }

  add(outcome: RegistrationOutcome): void {
    if (this.#thresholds.length === 0) return;
    const { counts, latency, hubs, totals, withoutStalls: best } = this.#measures;
    for (const fold of [counts, latency, hubs, totals]) fold.add(outcome);
    for (const fold of [best.latency, best.totals]) fold.add(withoutStalls(outcome));
    if (outcome.possiblyTwice) this.#measures.possiblyTwice += 1;
  }

  /** The first broken threshold; `null` = none. */
  broken(): ThresholdResult | null {
    const isEnough = this.#measures.totals.values().ended >= ABORT_REGISTRATIONS_MIN;
    const broken = this.#thresholds.find((threshold) => isBrokenEarly(threshold, this.#measures, isEnough));
    return broken === undefined ? null : judgeThreshold(broken, this.#measures, false);
  }
}
