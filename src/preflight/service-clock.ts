import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { Transport } from '../mqtt/service-conversations.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import type { Clock } from '../time/clock.ts';
import { clockFinding } from './target-findings.ts';

const TIMEOUT_MS = 5_000;

/**
 * How far this machine's clock is ahead of the service's, by the `Date` header of its answer to a HEAD request on HTTPS;
 * `null` where there is no such answer. The header counts seconds: the result is off by up to one, and by half of what the
 * request takes on a connection that stands.
 */
export function measureClockSkew(
  { host, caPems, port }: { readonly host: string; readonly port: number; readonly caPems: readonly string[] },
  clock: Clock,
): Promise<number | null> {
  return new Promise((resolve) => {
    let sentAtMs = 0;
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
        const middleMs = (sentAtMs + clock.epochMs()) / 2;
        // The service's second has gone on for half of itself, on average.
        resolve(Number.isNaN(serviceMs) ? null : middleMs - (serviceMs + 500));
        head.destroy();
      },
    );
    // It is sent when TLS stands; what name service, TCP and TLS take before says nothing of the way there.
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

const HTTPS_PORT = 443;

export type ClockTarget = {
  readonly host: string;
  readonly port: number;
  readonly transport: Transport;
  readonly caPems: readonly string[];
};

/** How far this machine is ahead of the service, which speaks HTTPS where it speaks WebSocket; `null` = not measured. */
export function clockSkewOf({ host, port, transport, caPems }: ClockTarget, clock: Clock): Promise<number | null> {
  return measureClockSkew({ host, port: transport === 'websocket' ? port : HTTPS_PORT, caPems }, clock);
}

/**
 * Where the service did not authorize the first device, which may be for a token that has expired.
 * @throws OperatorError when this machine's clock is so far behind that every token has expired when it arrives.
 */
export async function refuseWrongClock(target: ClockTarget, clock: Clock): Promise<void> {
  const { level, evidence, remedy } = clockFinding(await clockSkewOf(target, clock));
  if (level !== 'problem') return;
  const message = `every token has expired when it arrives: the clock of this machine is ${evidence}`;
  throw new OperatorError('unreachable', [problem(message, remedy)]);
}
