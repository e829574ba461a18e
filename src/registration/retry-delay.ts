import type { RegistrationPolicy } from './registration-policy.ts';

/** Doublings beyond any maximum; keeps the product finite. */
const DOUBLINGS_MAX = 40;

/**
 * Exponential backoff with jitter over its full range, in whole milliseconds:
 * `base + random × (min(max, base × 2^troubles) − base)`, as the service's guidance for large fleets asks
 * (a random delay between a least and a most pause).
 *
 * @param troublesInARow 1 for the first
 * @param random in [0, 1)
 */
export function retryDelayMs(troublesInARow: number, random: number, policy: RegistrationPolicy): number {
  const { retryDelayBaseMs, retryDelayMaxMs } = policy;
  const ceilingMs = retryDelayBaseMs * 2 ** Math.min(troublesInARow, DOUBLINGS_MAX);
  return between(retryDelayBaseMs, Math.min(retryDelayMaxMs, ceilingMs), random);
}

/** The pause after a 409, in whole milliseconds. */
export function conflictDelayMs(random: number, policy: RegistrationPolicy): number {
  return between(policy.conflictDelayMinMs, policy.conflictDelayMaxMs, random);
}

/** A base above the maximum yields to it. */
function between(minMs: number, maxMs: number, random: number): number {
  const leastMs = Math.min(minMs, maxMs);
  return Math.floor(leastMs + random * (maxMs - leastMs));
}
