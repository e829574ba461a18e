import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pauseMs } from 'node:timers/promises';

/** A process as Linux shows it in /proc. */
export type SeenProcess = {
  readonly pid: number;
  readonly parent: number;
  /** Its arguments, as everyone on the machine can read them. */
  readonly command: string;
  /** In clock ticks since the machine started: tells a process from a later one with the same ID. */
  readonly startedAt: string;
};

function readProcess(pid: number): SeenProcess | null {
  try {
    // The name, in parentheses, may contain anything; after it come state, parent and, as the 20th, the start.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    if (fields[0] === 'Z') return null;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(fields[1]), command, startedAt: fields[19] ?? '' };
  } catch {
    return null;
  }
}

/** Whether a process has this ID: ask only of one that the test has started. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Every process below `pid`. */
export function descendantsOf(pid: number): readonly SeenProcess[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
  const below = (parent: number): readonly SeenProcess[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
}

/** Resolves when none of them runs any more; rejects with those that still do. */
export async function untilGone(processes: readonly SeenProcess[], withinMs: number): Promise<void> {
  const alive = (): readonly SeenProcess[] =>
    processes.filter(({ pid, startedAt }) => readProcess(pid)?.startedAt === startedAt);
  for (let waitedMs = 0; alive().length > 0; waitedMs += 50) {
    if (waitedMs >= withinMs) throw new Error(`still there: ${alive().map(({ command }) => command)}`);
    await pauseMs(50);
  }
}
