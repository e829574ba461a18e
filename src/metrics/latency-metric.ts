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
