import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, type ProcessIdentity, processIdentity } from '../files/process-identity.ts';
import { messageOf, OperatorError, problemIn } from '../problem/operator-error.ts';

/*
 * A process that works in a run's folder keeps an empty file there that names it: `lock-PID-START-HOST`. It creates its own file
 * first and then looks for others: of two processes that arrive at the same time, at least one sees the other. A lock is never
 * taken over; a file whose process is dead is removed.
 *
 * Why not a library: existing ones judge a lock by its age and touch it periodically, which breaks when a laptop sleeps or an
 * event loop is busy.
 */
const LOCK_FILE = /^lock-(\d+)-(\d+)-(.+)$/;

/**
 * Keeps other processes out of the folder.
 *
 * @returns a function that unlocks it
 * @throws OperatorError `local` when another process works there, or the folder cannot be locked
 */
export function lockRunFolder(folder: string): () => void {
  const own = processIdentity(process.pid);
  const ownFile = join(folder, `lock-${own.pid}-${own.start}-${own.host}`);
  try {
    closeSync(openSync(ownFile, 'w', 0o600));
    for (const name of readdirSync(folder)) {
      const holder = holderOf(name);
      if (holder === null || join(folder, name) === ownFile) continue;
      if (isRunning(holder)) throw locked(folder, name, holder);
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
    if (holder !== null && isRunning(holder)) return `${holder.pid} on ${holder.host}`;
  }
  return null;
}

function holderOf(name: string): ProcessIdentity | null {
  const [, pid, start = '', host = ''] = LOCK_FILE.exec(name) ?? [];
  return pid === undefined ? null : { pid: Number(pid), start, host };
}

function locked(folder: string, name: string, { pid, host }: ProcessIdentity): OperatorError {
  const message = `another dpsload is working in this folder: process ${pid} on ${host}`;
  const remedy = `Wait until it ends; if it is no longer running, remove ${join(folder, name)}`;
  return new OperatorError('local', [problemIn(folder, message, remedy)]);
}

function unusable(folder: string, error: unknown): OperatorError {
  const remedy = 'Name the folder of a run, as printed at the end of dpsload run, and check that it is writable';
  const message = `the folder cannot be locked (${messageOf(error)})`;
  return new OperatorError('local', [problemIn(folder, message, remedy)]);
}
