import { DEVICES_PER_HUB_MAX } from '../dps/service-limits.ts';
import {
  type AmountCap,
  amountCaps,
  type CapacityDemand,
  type CapacitySupply,
  type HubCapacity,
  ONE_REGISTRATION,
  type RateCap,
} from '../load/capacity.ts';
import { formatCount, formatNoun } from '../report/format.ts';
import { type Finding, graded, ok, unknown, warning } from './finding.ts';

export function amountFindings(demand: CapacityDemand, supply: CapacitySupply): readonly Finding[] {
  return amountCaps(demand, supply).map((cap) => amountFinding(cap, amountEvidence(cap, demand, supply)));
}

export function amountFinding({ name, needed, available, remedy }: AmountCap, evidence: string): Finding {
  const excess = needed > available ? `: ${formatCount(needed - available)} too many` : '';
  return graded(name, { needed, available }, `${evidence}${excess}`, remedy);
}

function amountEvidence(
  { name, needed, available }: AmountCap,
  { devices }: CapacityDemand,
  { existingRecords, sourceAddresses, localPorts, hubs }: CapacitySupply,
): string {
  switch (name) {
    case 'records': {
      const existing = existingRecords === null ? '' : ` to ${formatCount(existingRecords)}`;
      return `adds ${formatNoun(devices, 'record')}${existing} (limit ${formatCount(available)} an instance)`;
    }
    case 'file descriptors':
      return `needs ${formatCount(needed)} (ulimit -n is ${Number.isFinite(available) ? formatCount(available) : 'unlimited'})`;
    case 'local ports': {
      const addresses = sourceAddresses === 1 ? '' : ` for each of ${formatCount(sourceAddresses)} source addresses`;
      return `needs ${formatCount(needed)} (ip_local_port_range has ${formatCount(localPorts ?? 0)}${addresses})`;
    }
    case 'hub devices':
      return `adds ${formatNoun(devices, 'device')} to ${formatNoun(hubs?.length ?? 0, 'hub')} (limit ${formatCount(DEVICES_PER_HUB_MAX)} a hub)`;
  }
}

export function rateFinding({ name, perMinute, evidence }: RateCap): Finding {
  return ok(name, `${formatPerMinute(perMinute)}: ${evidence}`);
}

/** Returns a warning for each limit below the rate that the load asks for. */
export function overloadFindings(limits: readonly RateCap[]): readonly Finding[] {
  const load = limits.find(({ name }) => name === 'load');
  if (load === undefined) return [];
  const asked = `the load asks for ${formatPerMinute(load.perMinute)}`;
  return limits
    .filter(({ name, perMinute }) => name !== ONE_REGISTRATION && perMinute < load.perMinute)
    .map(({ name, perMinute, evidence, remedy }) =>
      warning(name, `${asked}, but this limit allows ${formatPerMinute(perMinute)}: ${evidence}`, remedy),
    );
}

export function unknownHubs(hubs: readonly HubCapacity[] | null): readonly Finding[] {
  return hubs === null
    ? [unknown('hub identities', 'not checked: describe the linked hubs with --hubs NAME=S1:UNITS')]
    : [];
}

/** `1,250/min`, `0.50/min` */
export function formatPerMinute(perMinute: number): string {
  return `${perMinute >= 10 ? formatCount(Math.floor(perMinute)) : perMinute.toFixed(2)}/min`;
}
