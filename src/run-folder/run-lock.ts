import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/*
 * A process that works in a run's folder keeps an empty file there that names it: `lock-PID-START-HOST`. It makes its own
 * first and looks for others then, so that of two that come at the same moment at least one sees the other, and no lock is
 * ever taken over: a file whose process is dead is removed. START is when the process began, in clock ticks since the
 * machine's start (field 22 of /proc/PID/stat), 0 where the system does not tell: a PID that is used again is another process.
 *
 * Why not a library: those that there are judge a lock by its age and touch it all the time, which a laptop that sleeps or
 * an event loop that is busy breaks.
 */
const LOCK_FILE = /^lock-(\d+)-(\d+)-(.+)$/;

type Holder = { readonly pid: number; readonly start: string; readonly host: string };

/**
 * Keeps other processes out of the folder.
 *
 * @returns lets them in again.
 * @throws OperatorError `local` when one is there already.
 */
export function lockRunFolder(folder: string): () => void {
  const own = { pid: process.pid, start: startOf(process.pid) ?? '0', host: hostname() };
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

function holderOf(name: string): Holder | null {
  const [, pid, start = '', host = ''] = LOCK_FILE.exec(name) ?? [];
  return pid === undefined ? null : { pid: Number(pid), start, host };
}

/** Of a process on another machine nothing is known. */
function isAlive({ pid, start, host }: Holder, ownHost: string): boolean {
  if (host !== ownHost) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return start === '0' || startOf(pid) === start;
}

/** Field 22; the second, the name of the program, may hold spaces and brackets. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function locked(folder: string, name: string, { pid, host }: Holder): OperatorError {
  const message = `another dpsload works in this folder: process ${pid} on ${host}`;
  const remedy = `Wait until it has ended; if it is surely gone, remove ${join(folder, name)}`;
  return new OperatorError('local', [problemIn(folder, message, remedy)]);
}

function unusable(folder: string, error: unknown): OperatorError {
  const reason = error instanceof Error ? error.message : String(error);
  const remedy = "Name the folder of a run, as dpsload run's last lines do, and check that it is writable";
  const message = `the folder cannot be locked (${reason})`;
  return new OperatorError('local', [problemIn(folder, message, remedy)]);
}
