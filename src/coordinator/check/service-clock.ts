import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { Clock } from '../../time/clock.ts';

const TIMEOUT_MS = 5_000;

/**
 * How far this machine's clock is ahead of the service's, by the `Date` header of its answer to a HEAD request on HTTPS;
 * `null` where there is no such answer. The header counts seconds: the result is off by up to one, and half the way there.
 */
export function measureClockSkew(
  { host, caPems, port }: { readonly host: string; readonly port: number; readonly caPems: readonly string[] },
  clock: Clock,
): Promise<number | null> {
  return new Promise((resolve) => {
    const startedAtMs = clock.epochMs();
    const head = request(
      {
        method: 'HEAD',
        host,
        port,
        path: '/',
        ca: [...rootCertificates, ...caPems],
        timeout: TIMEOUT_MS,
        agent: false,
      },
      ({ headers }) => {
        const serviceMs = Date.parse(headers.date ?? '');
        const middleMs = (startedAtMs + clock.epochMs()) / 2;
        // The service's second has gone on for half of itself, on average.
        resolve(Number.isNaN(serviceMs) ? null : middleMs - (serviceMs + 500));
        head.destroy();
      },
    );
    head.on('timeout', () => head.destroy());
    head.on('error', () => resolve(null));
    head.on('close', () => resolve(null));
    head.end();
  });
}
