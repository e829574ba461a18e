import { readFileSync } from 'node:fs';

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
