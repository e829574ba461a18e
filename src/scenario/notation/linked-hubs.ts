import { HUB_TIERS } from '../../dps/service-limits.ts';
import type { HubCapacity } from '../../load/capacity.ts';
import { allDistinct } from './lists.ts';
import { notation } from './notation.ts';

/** More units than a hub can have. */
const UNITS_MAX = 200;

/** Hubs with tier and units: `hub-a=S1:2,hub-b=S3:1`. */
export const LINKED_HUBS = notation<readonly HubCapacity[]>({
  placeholder: 'name=S1:units',
  noun: 'a list of hubs',
  remedy: `Write NAME=TIER:UNITS, separated by commas, with the tiers ${HUB_TIERS.join(', ')}, for example hub-a=S1:2,hub-b=S3:1`,
  parse: (text) => {
    // A hub named twice would count twice. Hub names are host names, which ignore case.
    return allDistinct(text.split(',').map(readHub), ({ name }) => name.toLowerCase());
  },
  show: (hubs) => hubs.map(({ name, tier, units }) => `${name}=${tier}:${units}`).join(','),
});

function readHub(text: string): HubCapacity | null {
  const [, name, tierText, unitsText] = /^\s*([A-Za-z0-9.-]+)=([A-Z]\d):(\d{1,3})\s*$/.exec(text) ?? [];
  const tier = HUB_TIERS.find((known) => known === tierText);
  const units = Number(unitsText);
  if (name === undefined || tier === undefined || !(units >= 1 && units <= UNITS_MAX)) return null;
  return { name, tier, units };
}
