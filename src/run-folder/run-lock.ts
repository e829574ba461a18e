import { readdirSync } from 'node:fs';
import { isRunning } from '../files/process-identity.ts';
import { type LockAnswer, lockForProcess, lockHolder } from '../files/process-lock.ts';
import { NAME_A_RUN_FOLDER } from '../journal/journal-reader.ts';
import { messageOf, OperatorError, problemIn } from '../problem/operator-error.ts';

/** A process that works in a run's folder keeps a file `lock-PID-START-HOST` there. */
const PREFIX = 'lock-';

/**
 * Keeps other processes out of the folder.
 *
 * @returns a function that unlocks it
 * @throws OperatorError `local` when another process works there, or the folder cannot be locked
 */
export function lockRunFolder(folder: string): () => void {
  const answer = tryLock(folder);
  if (answer.kind === 'locked') return answer.unlock;
  const { holder, file } = answer;
  const message = `another dpsload is working in this folder: process ${holder.pid} on ${holder.host}`;
  const remedy = `Wait until it ends; if it is no longer running, remove ${file}`;
  throw new OperatorError('local', [problemIn(folder, message, remedy)]);
}

export function isLockFile(name: string): boolean {
  return lockHolder(name, PREFIX) !== null;
}

/** The process that works in the folder, as `PID on HOST`; `null` = none. Changes nothing. */
export function holderIn(folder: string): string | null {
  for (const name of readdirSync(folder)) {
    const holder = lockHolder(name, PREFIX);
    if (holder !== null && isRunning(holder)) return `${holder.pid} on ${holder.host}`;
  }
  return null;
}

function tryLock(folder: string): LockAnswer {
  try {
    return lockForProcess(folder, PREFIX, true);
  } catch (error) {
    const remedy = `${NAME_A_RUN_FOLDER}, and check that it is writable`;
    const message = `the folder cannot be locked (${messageOf(error)})`;
    throw new OperatorError('local', [problemIn(folder, message, remedy)]);
  }
}
