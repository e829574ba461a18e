import { uniformHash } from './uniform-hash.ts';

/** How long something takes: always the same, or seldom much longer, as a service under load does. */
export type Delay = number | LongTail;

/** Half of the delays are below `medianMs`, one in a hundred is above `p99Ms`; log-normal. */
export type LongTail = { readonly medianMs: number; readonly p99Ms: number };

/** Standard deviations from the median to the 99th percentile of a normal distribution. */
const P99_DEVIATIONS = 2.3263;

/** One delay, which depends on `parts` alone. */
export function delayMs(delay: Delay, ...parts: readonly (string | number)[]): number {
  if (typeof delay === 'number') return delay;
  const { medianMs, p99Ms } = delay;
  // Box-Muller: two uniform numbers make one of the standard normal distribution.
  const radius = Math.sqrt(-2 * Math.log(uniformHash('radius', ...parts)));
  const deviations = radius * Math.cos(2 * Math.PI * uniformHash('angle', ...parts));
  return medianMs * (p99Ms / medianMs) ** (deviations / P99_DEVIATIONS);
}
