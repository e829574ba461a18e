import type { RegistrationPolicy } from './registration-policy.ts';

/** More doublings than any maximum needs; keeps the product finite. */
const DOUBLINGS_MAX = 40;

/**
 * Exponential backoff with full jitter, in whole milliseconds: `base + random × (min(max, base × 2^troubles) − base)`. The service's
 * guidance for large fleets recommends such a random delay between a minimum and a maximum.
 *
 * @param troublesInARow 1 for the first trouble
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

/** A minimum above the maximum is lowered to it. */
function between(minMs: number, maxMs: number, random: number): number {
  const leastMs = Math.min(minMs, maxMs);
  return Math.floor(leastMs + random * (maxMs - leastMs));
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** 2^32 divided by the golden ratio: spreads consecutive small numbers. */
const GOLDEN = 0x9e3779b9;

/**
 * The random number of one pause, in [0, 1); the same arguments give the same number on every machine. FNV-1a over the ID's UTF-16 units,
 * seeded, then mixed with the draw's number by MurmurHash3's finalizer.
 *
 * @param draw number of the pause within the registration
 */
export function jitter(seed: number, registrationId: string, draw: number): number {
  let hash = FNV_OFFSET ^ mix(seed + GOLDEN);
  for (let index = 0; index < registrationId.length; index++) {
    hash = Math.imul(hash ^ registrationId.charCodeAt(index), FNV_PRIME);
  }
  return mix(mix(hash) + Math.imul(draw + 1, GOLDEN)) / 2 ** 32;
}

/** MurmurHash3's 32-bit finalizer: flipping an input bit flips each output bit with probability 1/2. */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
