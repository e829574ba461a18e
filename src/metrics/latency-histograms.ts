import type { RegistrationOutcome, RegistrationPhases } from '../registration/registration-outcome.ts';
import { allocationMs } from './allocation/allocation-time.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { LATENCY_METRICS, type LatencyMetric } from './latency-metric.ts';
import { type OutcomeTimes, outcomeTimes } from './outcome-times.ts';

export { LATENCY_METRICS, type LatencyMetric };

const TIMES: { readonly [K in keyof OutcomeTimes]: LatencyMetric } = {
  responseMs: 'response',
  heldMs: 'held',
  startLagMs: 'startLag',
  serviceMs: 'service',
  waitedMs: 'waited',
};

const PHASES: { readonly [K in keyof RegistrationPhases]: LatencyMetric } = {
  tcpMs: 'tcp',
  tlsMs: 'tls',
  connackMs: 'connack',
  subackMs: 'suback',
  acceptedMs: 'accepted',
  assignedMs: 'assigned',
};

/**
 * One histogram for each metric. Only registrations that were assigned count: a refusal is answered faster than an
 * assignment, and a deadline ends slower, so that a mixture would say nothing of either. Those that ended otherwise
 * (cancelled ones, which somebody stopped, left out) are counted apart in `responseNotAssigned`, since a service that
 * lets its slowest devices fail would look fast without them.
 */
export class LatencyHistograms {
  readonly #histograms = new Map(LATENCY_METRICS.map((metric) => [metric, new DurationHistogram()]));

  add(outcome: RegistrationOutcome): void {
    const times = outcomeTimes(outcome);
    if (times === null || outcome.result === 'cancelled') return;
    if (outcome.result !== 'assigned') {
      this.of('responseNotAssigned').recordMs(times.responseMs);
      return;
    }
    this.#recordAll(TIMES, times);
    this.#recordAll(PHASES, outcome.phases);
    const durationMs = allocationMs(outcome);
    if (durationMs !== null) this.of('allocation').recordMs(durationMs);
  }

  of(metric: LatencyMetric): DurationHistogram {
    const histogram = this.#histograms.get(metric);
    if (histogram === undefined) throw new Error(`no histogram for ${metric}`);
    return histogram;
  }

  #recordAll<K extends string>(
    metrics: Readonly<Record<K, LatencyMetric>>,
    durations: Readonly<Record<K, number | null>>,
  ): void {
    for (const name in metrics) {
      const durationMs = durations[name];
      if (durationMs !== null) this.of(metrics[name]).recordMs(durationMs);
    }
  }
}
