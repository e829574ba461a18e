import type { HealthLimit } from '../metrics/load-generator-health.ts';

/** How the limits of the load generator are called, and their units behind a number. */
export const HEALTH_LABELS: Readonly<Record<HealthLimit['name'], readonly [label: string, unit: string]>> = {
  startLagP99Ms: ['start lag p99', ' ms'],
  loopDelayP99Ms: ['event-loop delay p99', ' ms'],
  cpuPerWorker: ['CPU per worker', ' cores'],
};
