import { hash } from 'node:crypto';

/** A number in (0, 1), uniform over `parts` and determined by them: 48 bits of SHA-256, kept off both ends. */
export function uniformHash(...parts: readonly (string | number)[]): number {
  return (Number.parseInt(hash('sha256', parts.join('\n')).slice(0, 12), 16) + 0.5) / 2 ** 48;
}

/** How long something takes: always the same, or occasionally much longer, like a service under load. */
export type Delay = number | LongTail;

/** Log-normal: half of the delays are below `medianMs`, one in a hundred is above `p99Ms`. */
export type LongTail = { readonly medianMs: number; readonly p99Ms: number };

/** Standard deviations between the median and the 99th percentile of a normal distribution. */
const P99_DEVIATIONS = 2.3263;

/** One delay, determined by `parts`. */
export function delayMs(delay: Delay, ...parts: readonly (string | number)[]): number {
  if (typeof delay === 'number') return delay;
  const { medianMs, p99Ms } = delay;
  // Box-Muller: two uniform numbers make one of the standard normal distribution.
  const radius = Math.sqrt(-2 * Math.log(uniformHash('radius', ...parts)));
  const deviations = radius * Math.cos(2 * Math.PI * uniformHash('angle', ...parts));
  return medianMs * (p99Ms / medianMs) ** (deviations / P99_DEVIATIONS);
}
