import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/PID/stat: always 100 in Linux user space (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Number of the first field that `processStat` returns: field 2 is the program's name, which may contain spaces and parentheses. */
const FIRST_FIELD = 3;

/** CPU time of a process in milliseconds: fields 14 and 15, utime and stime. `null` without /proc, or when the process has ended. */
export function processCpuMs(pid: number): number | null {
  const stat = processStat(pid);
  return stat === null ? null : ((Number(stat(14)) + Number(stat(15))) * 1000) / TICKS_PER_SECOND;
}

/**
 * When a process began, in ticks since the system did: field 22. `null` without /proc, or when the process has ended, even if
 * nobody has noticed that yet: a zombie (Z in field 3).
 */
export function processStart(pid: number): string | null {
  const stat = processStat(pid);
  return stat === null || stat(3) === 'Z' ? null : (stat(22) ?? null);
}

/** The process that started another: field 4. `null` without /proc, or when that one has ended. */
export function parentOf(pid: number): number | null {
  const stat = processStat(pid);
  return stat === null ? null : Number(stat(4));
}

/** Open file descriptors of this process; `null` without /proc. */
export function openFileDescriptors(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

/** Reads the fields of /proc/PID/stat, numbered as in proc(5). */
function processStat(pid: number): ((field: number) => string | undefined) | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (field) => fields[field - FIRST_FIELD];
  } catch {
    return null;
  }
}
