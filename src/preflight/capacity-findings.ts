import { readFileSync } from 'node:fs';
import { type AmountCap, type HubCapacity, ONE_REGISTRATION, type RateCap } from '../load/capacity.ts';
import { type Finding, finding, ok, unknown, warning } from './finding.ts';

/** Share of an amount from which on there is little room for anything else. */
const TIGHT_SHARE = 0.9;

export function amountFinding({ name, needed, available, evidence, remedy }: AmountCap): Finding {
  if (needed > available) return finding('problem', name, `${needed} needed, ${available} there: ${evidence}`, remedy);
  if (needed > available * TIGHT_SHARE) return warning(name, `${needed} of ${available} needed: ${evidence}`, remedy);
  return ok(name, `${needed} of ${available} needed: ${evidence}`);
}

export function rateFinding({ name, perMinute, evidence }: RateCap): Finding {
  return ok(name, `${formatPerMinute(perMinute)}: ${evidence}`);
}

/** @returns a warning where the load asks for more than another limit grants. */
export function overloadFindings(limits: readonly RateCap[]): readonly Finding[] {
  const load = limits.find(({ name }) => name === 'load');
  if (load === undefined) return [];
  return limits
    .filter(({ name, perMinute }) => name !== ONE_REGISTRATION && perMinute < load.perMinute)
    .map(({ name, perMinute, evidence, remedy }) => {
      const asked = `the load asks for ${formatPerMinute(load.perMinute)}`;
      return warning(name, `${asked}, ${formatPerMinute(perMinute)} can be had: ${evidence}`, remedy);
    });
}

export function unknownHubs(hubs: readonly HubCapacity[] | null): readonly Finding[] {
  return hubs === null
    ? [unknown('hub identities', 'not looked at: tell of the linked hubs with --hubs NAME=S1:UNITS')]
    : [];
}

export function formatPerMinute(perMinute: number): string {
  return perMinute >= 10 ? `${Math.floor(perMinute)}/min` : `${perMinute.toFixed(2)}/min`;
}

/** What this machine grants to one process and one source address; `null` = it does not tell (only Linux does). */
export type LocalLimits = { readonly fileDescriptors: number | null; readonly localPorts: number | null };

export function readLocalLimits(): LocalLimits {
  return {
    fileDescriptors: parseOpenFiles(readIfThere('/proc/self/limits')),
    localPorts: parsePortRange(readIfThere('/proc/sys/net/ipv4/ip_local_port_range')),
  };
}

/** `Max open files            1024                 1048576              files`: soft, hard. */
export function parseOpenFiles(limits: string): number | null {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return null;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** `32768	60999`, both included. */
export function parsePortRange(range: string): number | null {
  const match = /^\s*(\d+)\s+(\d+)/.exec(range);
  return match === null ? null : Number(match[2]) - Number(match[1]) + 1;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
