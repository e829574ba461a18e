import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { processStart } from '../files/process-stat.ts';
import { messageOf, OperatorError, problemIn } from '../problem/operator-error.ts';

/*
 * A process that works in a run's folder keeps an empty file there that names it: `lock-PID-START-HOST`. It creates its own file
 * first and then looks for others: of two processes that arrive at the same time, at least one sees the other. A lock is never
 * taken over; a file whose process is dead is removed. START is when the process began, in clock ticks since the machine booted
 * (field 22 of /proc/PID/stat), 0 where the system does not say: it tells a reused PID from the process that held the lock.
 *
 * Why not a library: existing ones judge a lock by its age and touch it periodically, which breaks when a laptop sleeps or an
 * event loop is busy.
 */
const LOCK_FILE = /^lock-(\d+)-(\d+)-(.+)$/;

type Holder = { readonly pid: number; readonly start: string; readonly host: string };

/**
 * Keeps other processes out of the folder.
 *
 * @returns a function that unlocks it
 * @throws OperatorError `local` when another process works there, or the folder cannot be locked
 */
export function lockRunFolder(folder: string): () => void {
  const own = { pid: process.pid, start: processStart(process.pid) ?? '0', host: hostname() };
  const ownFile = join(folder, `lock-${own.pid}-${own.start}-${own.host}`);
  try {
    closeSync(openSync(ownFile, 'w', 0o600));
    for (const name of readdirSync(folder)) {
      const holder = holderOf(name);
      if (holder === null || join(folder, name) === ownFile) continue;
      if (isAlive(holder, own.host)) throw locked(folder, name, holder);
      rmSync(join(folder, name), { force: true });
    }
  } catch (error) {
    rmSync(ownFile, { force: true });
    throw error instanceof OperatorError ? error : unusable(folder, error);
  }
  return () => rmSync(ownFile, { force: true });
}

export function isLockFile(name: string): boolean {
  return LOCK_FILE.test(name);
}

/** The process that works in the folder, as `PID on HOST`; `null` = none. Changes nothing. */
export function holderIn(folder: string): string | null {
  for (const name of readdirSync(folder)) {
    const holder = holderOf(name);
    if (holder !== null && isAlive(holder, hostname())) return `${holder.pid} on ${holder.host}`;
  }
  return null;
}

function holderOf(name: string): Holder | null {
  const [, pid, start = '', host = ''] = LOCK_FILE.exec(name) ?? [];
  return pid === undefined ? null : { pid: Number(pid), start, host };
}

/** A process on another machine counts as alive: nothing is known about it. */
function isAlive({ pid, start, host }: Holder, ownHost: string): boolean {
  if (host !== ownHost) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return start === '0' || processStart(pid) === start;
}

function locked(folder: string, name: string, { pid, host }: Holder): OperatorError {
  const message = `another dpsload is working in this folder: process ${pid} on ${host}`;
  const remedy = `Wait until it ends; if it is no longer running, remove ${join(folder, name)}`;
  return new OperatorError('local', [problemIn(folder, message, remedy)]);
}

function unusable(folder: string, error: unknown): OperatorError {
  const remedy = 'Name the folder of a run, as printed at the end of dpsload run, and check that it is writable';
  const message = `the folder cannot be locked (${messageOf(error)})`;
  return new OperatorError('local', [problemIn(folder, message, remedy)]);
}
