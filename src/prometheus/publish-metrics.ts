import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperatorError, problem } from '../problem/operator-error.ts';
import type { RunListener } from '../run/run-listener.ts';
import { acceptsOpenMetrics, OPEN_METRICS_CONTENT_TYPE, openMetricsText } from './open-metrics.ts';
import type { RunMetrics, RunMetricsPlan } from './run-metrics.ts';

/** Loopback: metrics of a run are for this machine; an agent or a tunnel forwards them. */
const METRICS_HOST = '127.0.0.1';

export type PublishedMetrics = {
  readonly listener: Pick<RunListener, 'counted' | 'settled' | 'sampled'>;
  close(): Promise<void>;
};

/**
 * Serves a run's metrics while it is in progress, and logs where; loads the Prometheus client only when there is a port.
 *
 * @param port 0 = any free port, `null` = do not serve
 * @throws OperatorError `usage` when the port is not available
 */
export async function publishMetrics(
  port: number | null,
  plan: RunMetricsPlan,
  log: (line: string) => void,
): Promise<PublishedMetrics | null> {
  if (port === null) return null;
  const { RunMetrics } = await import('./run-metrics.ts');
  const metrics = new RunMetrics(plan);
  const server = await serveMetrics(metrics, port);
  log(`metrics: ${server.url}`);
  return {
    listener: {
      counted: (counts) => metrics.counted(counts),
      settled: (outcome) => metrics.settled(outcome),
      sampled: (sample) => metrics.sampled(sample),
    },
    close: server.close,
  };
}

/** Serves `GET /metrics` on loopback, and nothing else. */
export async function serveMetrics(metrics: Pick<RunMetrics, 'text' | 'contentType'>, port: number) {
  const server = createServer(async (request, response) => {
    const isKnown = request.method === 'GET' && request.url === '/metrics';
    if (!isKnown) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('GET /metrics\n');
      return;
    }
    try {
      const text = await metrics.text();
      const isOpen = acceptsOpenMetrics(request.headers.accept);
      response.writeHead(200, { 'content-type': isOpen ? OPEN_METRICS_CONTENT_TYPE : metrics.contentType });
      response.end(isOpen ? openMetricsText(text) : text);
    } catch (error) {
      // A failed scrape must not end the run.
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${error}\n`);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) => {
      const remedy = 'Choose another port with --metrics-port N, or 0 for any free port';
      reject(new OperatorError('usage', [problem(`cannot serve metrics: ${message}`, remedy)]));
    });
    server.listen(port, METRICS_HOST, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${METRICS_HOST}:${bound}/metrics`,
    close: (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
