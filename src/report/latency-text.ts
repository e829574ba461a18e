import type { DurationSummary } from '../metrics/duration-histogram.ts';
import type { LatencyMetric } from '../metrics/latency-metric.ts';
import { formatCount, formatMs } from './format.ts';

export const LATENCY_LABELS: Readonly<Record<LatencyMetric, readonly [label: string, meaning: string]>> = {
  response: ['response', 'intended start to end'],
  held: ['held', 'held back by the governor, the canary or an outage'],
  startLag: ['start lag', 'waiting for a slot, or lateness of the load generator'],
  service: ['service', 'work of the service, the network and the client'],
  waited: ['waited', 'pauses requested by the service or the policy'],
  dns: ['dns', 'name service, where a connection had to ask it'],
  tcp: ['tcp', 'connect'],
  tls: ['tls', 'handshake'],
  connack: ['connack', 'MQTT CONNECT to CONNACK'],
  suback: ['suback', 'SUBSCRIBE to SUBACK'],
  accepted: ['accepted', 'register request to first response'],
  assigned: ['assigned', 'first response to final response'],
  allocation: ['allocation', 'time the service took to choose a hub, initial assignments only'],
  responseNotAssigned: ['response, not assigned', 'registrations that ended without a hub'],
};

/** They add up to the response time. */
export const RESPONSE_PARTS = ['held', 'startLag', 'service', 'waited'] as const satisfies readonly LatencyMetric[];

/** The label of a metric, with `mark` before a part of the response time. */
export function latencyLabel(metric: LatencyMetric, mark: string): string {
  const isPart = RESPONSE_PARTS.some((part) => part === metric);
  return `${isPart ? mark : ''}${LATENCY_LABELS[metric][0]}`;
}

export const DURATION_COLUMNS = ['p50', 'p90', 'p95', 'p99', 'p99.9', 'max', 'mean', 'count'] as const;

/** One cell for each of `DURATION_COLUMNS`, durations in milliseconds. */
export function durationCells(durations: DurationSummary): readonly string[] {
  const { p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs, meanMs, count } = durations;
  return [...[p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs, meanMs].map(formatMs), formatCount(count)];
}
