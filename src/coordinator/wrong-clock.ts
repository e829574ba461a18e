import type { Transport } from '../mqtt/dialler.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import type { Clock } from '../time/clock.ts';
import { measureClockSkew } from './check/service-clock.ts';
import { clockFinding } from './check/target-findings.ts';

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
