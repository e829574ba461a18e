import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/** Makes `folder` level by level: where the system refuses with ENOENT, as in /proc, Node's recursive `mkdirSync` never returns. */
export function makeFolders(folder: string, mode = 0o777): void {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder), mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process may have made it at the same moment.
    if (!existsSync(folder)) throw error;
  }
}

/** Makes a folder for its owner alone, unless it is there. @throws OperatorError `usage` when it cannot be, or be written into */
export function makeOwnFolder(folder: string): void {
  try {
    makeFolders(folder, 0o700);
    // With the dot, what is no folder is refused too.
    accessSync(`${folder}/.`, constants.W_OK);
  } catch (error) {
    const message = `is no folder that can be written into (${(error as NodeJS.ErrnoException).code})`;
    const remedy = 'Name another folder';
    throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
  }
}
