import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { allocationMs, outcomeTimes } from './outcome-times.ts';

/** Measured times. All but the last are for assigned registrations only. */
export const LATENCY_METRICS = [
  'response', // intended start to end
  'held', // held back by governor, canary or outage
  'startLag', // lateness of the load generator
  'service', // the work of service, network and client
  'waited', // pauses requested by the service or the policy
  'dns', // only where a connection had to ask the name service
  'tcp',
  'tls',
  'connack',
  'suback',
  'accepted', // register request to first response
  'assigned', // first response to final response
  'allocation', // time the service took to choose a hub, for initial assignments
  'responseNotAssigned', // intended start to end of registrations that ended without a hub
] as const;

export type LatencyMetric = (typeof LATENCY_METRICS)[number];

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

  #record(metric: LatencyMetric, durationMs: number | null): void {
    if (durationMs !== null) this.of(metric).recordMs(durationMs);
  }

  of(metric: LatencyMetric): DurationHistogram {
    const histogram = this.#histograms.get(metric);
    if (histogram === undefined) throw new Error(`no histogram for ${metric}`);
    return histogram;
  }
}
