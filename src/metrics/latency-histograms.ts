import type { RegistrationOutcome, RegistrationPhases } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { allocationMs, type OutcomeTimes, outcomeTimes } from './outcome-times.ts';

/** What is measured of registrations. All but the last are of assigned ones. */
export const LATENCY_METRICS = [
  'response', // intended start to end
  'held', // held back by governor, canary or outage
  'startLag', // the load generator's own lateness
  'service', // the work of service, network and client
  'waited', // pauses asked for by the service or the policy
  'tcp',
  'tls',
  'connack',
  'suback',
  'accepted', // register request to its first answer
  'assigned', // that answer to the final one
  'allocation', // the service's own time to find a hub, of initial assignments
  'responseNotAssigned', // intended start to end, of those that ended without a hub
] as const;

export type LatencyMetric = (typeof LATENCY_METRICS)[number];

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
