import { hash } from 'node:crypto';
import { P99_DEVIATIONS } from './service-behavior.ts';

/** A number in (0, 1) that depends on `parts` alone, uniform over them: 48 bits of SHA-256, moved off both ends. */
export function uniformHash(...parts: readonly (string | number)[]): number {
  return (hash('sha256', parts.join('\n'), 'buffer').readUIntBE(0, 6) + 0.5) / 2 ** 48;
}

/** How long something takes: always the same, or seldom much longer, as a service under load does. */
export type Delay = number | LongTail;

/** Half of the delays are below `medianMs`, one in a hundred is above `p99Ms`; log-normal. */
export type LongTail = { readonly medianMs: number; readonly p99Ms: number };

/** One delay, which depends on `parts` alone. */
export function delayMs(delay: Delay, ...parts: readonly (string | number)[]): number {
  if (typeof delay === 'number') return delay;
  const { medianMs, p99Ms } = delay;
  // Box-Muller: two uniform numbers make one of the standard normal distribution.
  const radius = Math.sqrt(-2 * Math.log(uniformHash('radius', ...parts)));
  const deviations = radius * Math.cos(2 * Math.PI * uniformHash('angle', ...parts));
  return medianMs * (p99Ms / medianMs) ** (deviations / P99_DEVIATIONS);
}
