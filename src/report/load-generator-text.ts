import type { HealthLimit, HealthSummary } from '../metrics/load-generator-health.ts';
import { ABSENT, formatBytes, formatCount, formatMs, formatNumber } from './format.ts';

/** Names of the limits of the load generator, and the units of their values. */
export const HEALTH_LABELS: Readonly<Record<HealthLimit['name'], readonly [label: string, unit: string]>> = {
  startLagP99Ms: ['start lag p99', ' ms'],
  loopDelayP99Ms: ['event-loop delay p99', ' ms'],
  cpuPerWorker: ['CPU per worker', ' cores'],
};

/** `event-loop delay p99 is 80.0 ms, over the limit of 40.0 ms` */
export function exceededLimits({ limits }: Pick<HealthSummary, 'limits'>): readonly string[] {
  return limits
    .filter(({ exceeded }) => exceeded)
    .map(({ name, observed, limit }) => {
      const [label, unit] = HEALTH_LABELS[name];
      return `${label} is ${formatNumber(observed)}${unit}, over the limit of ${formatNumber(limit)}${unit}`;
    });
}

/** What was measured of the load generator, a label and a text each. */
export function healthRows(health: Omit<HealthSummary, 'limits'>): readonly (readonly [label: string, text: string])[] {
  const rows = [
    ['start lag p99, max', `${formatMs(health.startLagP99Ms)}, ${formatMs(health.startLagMaxMs)} ms`],
    ['event-loop delay p99, max', `${formatMs(health.loopDelayP99Ms)}, ${formatMs(health.loopDelayMaxMs)} ms`],
    ['CPU mean, max', `${formatNumber(health.cpuShareMean)}, ${formatNumber(health.cpuShareMax)} cores`],
    ['emulator CPU mean', `${formatNumber(health.emulatorCpuShareMean)} cores`],
    ['open files max', health.fileDescriptorsMax === null ? ABSENT : formatCount(health.fileDescriptorsMax)],
    ['memory max', formatBytes(health.rssBytesMax)],
  ] as const;
  return rows.filter(([, text]) => !text.startsWith(ABSENT));
}
