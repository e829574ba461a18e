import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, type ProcessIdentity, processIdentity } from './process-identity.ts';

/*
 * A process that works on something keeps an empty file beside it that names the process: `PREFIX` and `PID-START-HOST`. It creates its
 * own file first and then looks for others: of two processes that arrive at the same time, at least one sees the other. A lock is
 * never taken over; a file whose process is dead is removed.
 *
 * Why not a library: existing ones judge a lock by its age and touch it periodically, which breaks when a laptop sleeps or an
 * event loop is busy.
 */
const IDENTITY = /^(\d+)-(\d+)-(.+)$/;

export type LockAnswer =
  | { readonly kind: 'locked'; readonly unlock: () => void }
  /** `file` is the holder's lock. */
  | { readonly kind: 'held'; readonly holder: ProcessIdentity; readonly file: string };

/**
 * Keeps other processes out of what `prefix` names in the folder.
 *
 * @param isReentrant whether this process may lock it once more
 * @throws the file system's error when the folder cannot be locked
 */
export function lockForProcess(folder: string, prefix: string, isReentrant: boolean): LockAnswer {
  const own = processIdentity(process.pid);
  const ownName = `${prefix}${own.pid}-${own.start}-${own.host}`;
  const ownFile = join(folder, ownName);
  if (!isReentrant && readdirSync(folder).includes(ownName)) return { kind: 'held', holder: own, file: ownFile };
  const unlock = (): void => rmSync(ownFile, { force: true });
  try {
    closeSync(openSync(ownFile, 'w', 0o600));
    for (const name of readdirSync(folder)) {
      const holder = lockHolder(name, prefix);
      if (holder === null || name === ownName) continue;
      if (isRunning(holder)) {
        unlock();
        return { kind: 'held', holder, file: join(folder, name) };
      }
      rmSync(join(folder, name), { force: true });
    }
  } catch (error) {
    unlock();
    throw error;
  }
  return { kind: 'locked', unlock };
}

/** The process that a lock names, whether it still runs or not; `null` = the file is no lock of that prefix. */
export function lockHolder(name: string, prefix: string): ProcessIdentity | null {
  const [, pid, start = '', host = ''] = name.startsWith(prefix)
    ? (IDENTITY.exec(name.slice(prefix.length)) ?? [])
    : [];
  return pid === undefined ? null : { pid: Number(pid), start, host };
}
