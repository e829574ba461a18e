import { hubConnectionsPerSecond } from '../dps/service-limits.ts';
import type { HubCapacity } from './capacity.ts';

/** The other half is left to devices in the field, which connect to the same hub. */
const SHARE = 0.5;

/** The smallest hub of the standard tier: the operator has said nothing else. */
const UNKNOWN_HUB = { tier: 'S1', units: 1 } as const;

/**
 * New connections a second that a run may make at a hub.
 *
 * @param chosen by the operator; `null` = half of what the hub allows
 * @param hubs as the operator named them, in full or without the domain; `null` = not named
 */
export function hubConnectionsAllowed(
  hub: string,
  chosen: number | null,
  hubs: readonly Pick<HubCapacity, 'name' | 'tier' | 'units'>[] | null,
): number {
  if (chosen !== null) return chosen;
  const name = hub.toLowerCase();
  const known = hubs?.find((one) => [name, name.split('.', 1)[0]].includes(one.name.toLowerCase()));
  const { tier, units } = known ?? UNKNOWN_HUB;
  return hubConnectionsPerSecond(tier, units) * SHARE;
}
