import { existsSync, realpathSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { AppendFile } from '../../files/line-appender.ts';
import { lockForProcess } from '../../files/process-lock.ts';
import { syncFolder } from '../../files/sync-folder.ts';
import { messageOf, OperatorError, problemIn } from '../../problem/operator-error.ts';

/** How a new state file takes the place of the old one. */
export type StateDisk = {
  /** A new file under another name, which only its owner can read. */
  create(): Promise<AppendFile>;
  /** Gives it its name, which survives a power cut. */
  publish(): Promise<void>;
  /** Removes what was not published. */
  discard(): Promise<void>;
};

export function diskOf(file: string): StateDisk {
  const temporaryFile = `${file}.tmp`;
  return {
    create: async () => {
      await rm(temporaryFile, { force: true });
      return open(temporaryFile, 'ax', 0o600);
    },
    publish: async () => {
      await rename(temporaryFile, file);
      await syncFolder(dirname(file));
    },
    discard: () => rm(temporaryFile, { force: true }),
  };
}

/** The file behind every name by which it can be called, so that all of them share a lock, and a link keeps its target. */
export function realFile(file: string): string {
  const full = resolve(file);
  if (existsSync(full)) return realpathSync(full);
  const folder = dirname(full);
  return existsSync(folder) ? join(realpathSync(folder), basename(full)) : full;
}

/**
 * Keeps other emulators away from the file, of this process as well.
 *
 * @returns a function that unlocks it
 * @throws OperatorError `local` when another has it, as for the folder of a run that is locked; `usage` when the name cannot be used
 */
export function lockState(file: string): () => void {
  const answer = tryLock(file);
  if (answer.kind === 'locked') return answer.unlock;
  const { holder, file: lock } = answer;
  const message = `another emulator keeps its state here: process ${holder.pid} on ${holder.host}`;
  const remedy = `Name another file, or stop that one; if it is no longer running, remove ${lock}`;
  throw new OperatorError('local', [problemIn(file, message, remedy)]);
}

function tryLock(file: string) {
  try {
    return lockForProcess(dirname(file), `${basename(file)}.lock-`, false);
  } catch (error) {
    const remedy = 'Name a file in a folder that exists and is writable';
    throw new OperatorError('usage', [problemIn(file, `the state cannot be kept (${messageOf(error)})`, remedy)]);
  }
}
