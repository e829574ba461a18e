import { closeSync, openSync, rmSync } from 'node:fs';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/** Found out before the work whose result goes into `file`. @throws OperatorError when it is there, or cannot be made */
export function refuseUnlessNew(file: string): void {
  try {
    closeSync(openSync(file, 'wx'));
  } catch (error) {
    throw notANewFile(file, error);
  }
  rmSync(file);
}

/** What to throw where opening `file` for the first time ended with `error`. */
export function notANewFile(file: string, error: unknown): OperatorError {
  const { code } = error as NodeJS.ErrnoException;
  const [message, remedy] =
    code === 'EEXIST'
      ? ['is there already', 'Name a new file, or remove this one']
      : [`cannot be written (${code})`, 'Check folder, permissions and free space'];
  return new OperatorError('usage', [problemIn(file, message, remedy)]);
}
