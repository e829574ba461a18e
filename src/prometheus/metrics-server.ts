import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperatorError, problem } from '../problem/operator-error.ts';
import type { RunMetrics } from './run-metrics.ts';

/** Loopback: what a run does is for this machine; an agent or a tunnel takes it elsewhere. */
const METRICS_HOST = '127.0.0.1';

export type MetricsServer = {
  readonly url: string;
  close(): Promise<void>;
};

/**
 * Serves `/metrics` on loopback.
 *
 * @param port 0 = any free port
 * @throws OperatorError `usage` when the port cannot be had.
 */
export async function serveMetrics(
  metrics: Pick<RunMetrics, 'text' | 'contentType'>,
  port: number,
): Promise<MetricsServer> {
  const server = createServer(async (request, response) => {
    const isKnown = request.method === 'GET' && request.url === '/metrics';
    try {
      const body = isKnown ? await metrics.text() : 'GET /metrics\n';
      response.writeHead(isKnown ? 200 : 404, { 'content-type': isKnown ? metrics.contentType : 'text/plain' });
      response.end(body);
    } catch (error) {
      // A scrape that fails does not end the run.
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${error}\n`);
    }
  });
  await listening(server, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${METRICS_HOST}:${bound}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ message }) => {
      const remedy = 'Give another port with --metrics-port N, or 0 for any free one';
      reject(new OperatorError('usage', [problem(`the metrics cannot be served: ${message}`, remedy)]));
    });
    server.listen(port, METRICS_HOST, resolve);
  });
}
