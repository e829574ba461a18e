import { readFileSync } from 'node:fs';
import type { SlotSupply } from '../load/slots.ts';

/** What this machine grants to one process and one source address; only Linux reports files and ports. */
export type LocalLimits = Omit<SlotSupply, 'sourceAddresses'>;

/** Reads the limits of this process from /proc; its memory is also limited by a control group. */
export function readLocalLimits(): LocalLimits {
  return {
    fileDescriptors: parseOpenFiles(readProcFile('/proc/self/limits')),
    localPorts: parsePortRange(readProcFile('/proc/sys/net/ipv4/ip_local_port_range')),
    memoryBytes: process.availableMemory(),
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
