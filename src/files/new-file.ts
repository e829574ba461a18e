import { closeSync, openSync, rmSync } from 'node:fs';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/** Checks before any work that `file` can be created. @throws OperatorError when it exists or cannot be created */
export function refuseUnlessNew(file: string): void {
  try {
    closeSync(openSync(file, 'wx'));
  } catch (error) {
    throw notANewFile(file, error);
  }
  rmSync(file);
}

/** Returns what to throw when creating `file` failed with `error`. */
export function notANewFile(file: string, error: unknown): OperatorError {
  const { code } = error as NodeJS.ErrnoException;
  const [message, remedy] =
    code === 'EEXIST'
      ? ['already exists', 'Name a new file, or remove this one']
      : [`cannot be written (${code})`, 'Check the folder, its permissions and the free space'];
  return new OperatorError('usage', [problemIn(file, message, remedy)]);
}
