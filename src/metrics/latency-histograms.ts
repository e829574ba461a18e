import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { LATENCY_METRICS, type LatencyMetric } from './latency-metric.ts';
import { allocationMs, outcomeTimes } from './outcome-times.ts';

const TIMES = ['response', 'held', 'startLag', 'service', 'waited'] as const;
const PHASES = ['dns', 'tcp', 'tls', 'connack', 'suback', 'accepted', 'assigned'] as const;

/**
 * One histogram for each metric. Only assigned registrations count: a refusal takes less time than an assignment and a
 * deadline more, so a mixture would describe neither. Registrations that ended otherwise are counted separately in
 * `responseNotAssigned`, except cancelled ones: a service that lets its slowest devices fail would look fast without it.
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
    const { phases } = outcome;
    for (const metric of TIMES) this.of(metric).recordMs(times[`${metric}Ms`]);
    for (const metric of PHASES) this.#record(metric, phases[`${metric}Ms`]);
    this.#record('allocation', allocationMs(outcome));
  }

  addAll(other: LatencyHistograms): void {
    for (const metric of LATENCY_METRICS) this.of(metric).addAll(other.of(metric));
  }

  #record(metric: LatencyMetric, durationMs: number | null): void {
    if (durationMs !== null) this.of(metric).recordMs(durationMs);
  }

  of(metric: LatencyMetric): DurationHistogram {
    const histogram = this.#histograms.get(metric);
    if (histogram === undefined) throw new Error(`no histogram for ${metric}`);
    return histogram;
  }
}
