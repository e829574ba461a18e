import type { LinkedHub } from './dps-instance.ts';

/**
 * A hub creates only so many device identities in a minute (100 a unit in the smaller tiers); a fleet that comes faster
 * waits in `assigning`. One queue per hub: each identity takes `perMs / limit` of it.
 */
export class IdentityQueue {
  readonly #freeAtMs = new Map<string, number>();

  /** When the hub will have created an identity that is asked for now. */
  createdAtMs({ hostName, identityLimit }: LinkedHub, nowMs: number): number {
    if (identityLimit === null) return nowMs;
    const createdAtMs = Math.max(nowMs, this.#freeAtMs.get(hostName) ?? 0);
    this.#freeAtMs.set(hostName, createdAtMs + identityLimit.perMs / identityLimit.limit);
    return createdAtMs;
  }
}
