import type { RunListener } from '../run/run-listener.ts';
import type { RunMetricsPlan } from './run-metrics.ts';

export type PublishedMetrics = { readonly listener: RunListener; close(): Promise<void> };

/** Serves what Prometheus reads while a run goes on, and says where; its libraries are only loaded when there is a port. */
export async function publishMetrics(
  port: number | null,
  plan: RunMetricsPlan,
  log: (line: string) => void,
): Promise<PublishedMetrics | null> {
  if (port === null) return null;
  const { RunMetrics } = await import('./run-metrics.ts');
  const { serveMetrics } = await import('./metrics-server.ts');
  const metrics = new RunMetrics(plan);
  const server = await serveMetrics(metrics, port);
  log(`metrics: ${server.url}`);
  return {
    listener: {
      settled: (outcome) => metrics.settled(outcome),
      sampled: (sample) => metrics.sampled(sample),
      notice: () => {},
      stopping: () => {},
    },
    close: () => server.close(),
  };
}
