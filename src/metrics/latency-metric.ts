/** Measured times. All but the last are for assigned registrations only. */
export const LATENCY_METRICS = [
  'response', // intended start to end
  'held', // held back by governor, canary or outage
  'startLag', // waiting for a slot, or lateness of the load generator
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
