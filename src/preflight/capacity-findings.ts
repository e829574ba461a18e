import { readFileSync } from 'node:fs';
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

/** What this machine grants to one process and one source address; `null` = not known (only Linux reports them). */
export type LocalLimits = { readonly fileDescriptors: number | null; readonly localPorts: number | null };

/** Reads the limits of this process from /proc. */
export function readLocalLimits(): LocalLimits {
  return {
    fileDescriptors: parseOpenFiles(readProcFile('/proc/self/limits')),
    localPorts: parsePortRange(readProcFile('/proc/sys/net/ipv4/ip_local_port_range')),
  };
}

/** `Max open files            1024                 1048576              files`: soft, hard. */
export function parseOpenFiles(limits: string): number | null {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return null;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** `32768	60999`, both inclusive. */
export function parsePortRange(range: string): number | null {
  const match = /^\s*(\d+)\s+(\d+)/.exec(range);
  return match === null ? null : Number(match[2]) - Number(match[1]) + 1;
}

/** Returns an empty text on systems without /proc. */
function readProcFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
