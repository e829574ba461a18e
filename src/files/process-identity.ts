import { hostname } from 'node:os';
import { processStart } from './process-stat.ts';

/**
 * A process, told from a later one with the same PID. `start` is when it began, in clock ticks since the machine booted (field
 * 22 of /proc/PID/stat), 0 where the system does not say.
 */
export type ProcessIdentity = { readonly pid: number; readonly start: string; readonly host: string };

export function processIdentity(pid: number): ProcessIdentity {
  return { pid, start: processStart(pid) ?? '0', host: hostname() };
}

/** Returns whether the process still runs. One on another machine counts as running: nothing is known about it. */
export function isRunning({ pid, start, host }: ProcessIdentity): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return start === '0' || processStart(pid) === start;
}
