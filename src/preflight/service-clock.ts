import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { ServiceConnectionSettings } from '../mqtt/connection-settings.ts';
import { lookupIn } from '../mqtt/host-addresses.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import type { Clock } from '../time/clock.ts';
import { clockFinding } from './target-findings.ts';

/** A healthy service answers in well under a second, and the check can do without its answer. */
const ANSWER_TIMEOUT_MS = 5_000;

const HTTPS_PORT = 443;

export type ClockTarget = Pick<ServiceConnectionSettings, 'host' | 'port' | 'transport' | 'caPems' | 'addresses'>;

/**
 * Measures how far this machine's clock is ahead of the service's, in milliseconds, from the `Date` header of its answer to an HTTPS
 * HEAD request: on the target's port with WebSocket, else on 443. `null` without an answer. The header counts seconds, so the result
 * is off by up to one, and by half of the request's time on an established connection.
 */
export function measureClockSkew(
  { host, port, transport, caPems, addresses }: ClockTarget,
  clock: Clock,
): Promise<number | null> {
  return new Promise((resolve) => {
    let sentAtMs = 0;
    const head = request(
      {
        method: 'HEAD',
        host,
        ...(addresses === null ? {} : { lookup: lookupIn(addresses) }),
        port: transport === 'websocket' ? port : HTTPS_PORT,
        path: '/',
        ca: [...rootCertificates, ...caPems],
        timeout: ANSWER_TIMEOUT_MS,
        agent: false,
      },
      ({ headers }) => {
        const serviceMs = Date.parse(headers.date ?? '');
        const middleMs = (sentAtMs + clock.epochMs()) / 2;
        // On average, half of the service's second has passed.
        resolve(Number.isNaN(serviceMs) ? null : middleMs - (serviceMs + 500));
        head.destroy();
      },
    );
    // The request leaves once TLS is established; the time before says nothing about the way there.
    head.on('socket', (socket) => {
      socket.once('secureConnect', () => {
        sentAtMs = clock.epochMs();
      });
    });
    head.on('timeout', () => head.destroy());
    head.on('error', () => resolve(null));
    head.on('close', () => resolve(null));
    head.end();
  });
}

/**
 * Call when the service did not authorize the first device: an expired token may be the reason.
 *
 * @throws OperatorError when this machine's clock is so far behind that every token has expired when it arrives
 */
export async function refuseWrongClock(target: ClockTarget, clock: Clock): Promise<void> {
  const { level, evidence, remedy } = clockFinding(await measureClockSkew(target, clock));
  if (level !== 'problem') return;
  const message = `every SAS token has expired by the time it arrives: the clock of this machine is ${evidence}`;
  throw new OperatorError('unreachable', [problem(message, remedy)]);
}
