import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/** Makes `folder` level by level: Node's recursive `mkdirSync` never returns where the system answers ENOENT, as in /proc. */
export function makeFolders(folder: string, mode = 0o777): void {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder), mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!existsSync(folder)) throw error;
  }
}

/** Makes a folder that only its owner can read, unless it exists. @throws OperatorError `usage` when it is not writable */
export function makeOwnFolder(folder: string): void {
  try {
    makeFolders(folder, 0o700);
    // The dot makes this fail for a file as well.
    accessSync(`${folder}/.`, constants.W_OK);
  } catch (error) {
    const message = `is not a writable folder (${(error as NodeJS.ErrnoException).code})`;
    throw new OperatorError('usage', [problemIn(folder, message, 'Name another folder')]);
  }
}
