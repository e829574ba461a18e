import type { LinkedHub } from './dps-instance.ts';
import { uniformHash } from './uniform-hash.ts';

/**
 * Weighted rendezvous hashing: each hub draws `-weight / ln(u)` with `u` = hash of hub and key, uniform in (0, 1), and
 * the highest draw wins. The same key gets the same hub while the hubs stay; a new hub takes its own share and moves
 * nothing else. The real service's hash is not documented.
 *
 * @param key Folded registration ID.
 * @returns `null` when there is no hub.
 */
export function hubByWeightedHash(hubs: readonly LinkedHub[], key: string): LinkedHub | null {
  let winner: LinkedHub | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const hub of hubs) {
    const draw = -hub.weight / Math.log(uniformHash(hub.hostName, key));
    if (draw > highest) [winner, highest] = [hub, draw];
  }
  return winner;
}
