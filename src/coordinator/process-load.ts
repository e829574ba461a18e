import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/PID/stat; Linux fixes it at 100 for user space (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** CPU time of another process in milliseconds; `null` where the machine does not tell (no /proc), or it has ended. */
export function cpuMsOf(pid: number): number | null {
  try {
    // proc(5): fields 14 and 15 are utime and stime; field 2 is a name in parentheses that may hold spaces.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** Open file descriptors of this process; `null` where the machine does not tell. */
export function openFileDescriptors(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}
