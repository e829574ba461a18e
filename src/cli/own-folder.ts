import { accessSync, constants } from 'node:fs';
import { makeFolders } from '../coordinator/make-folders.ts';
import { OperatorError } from '../problem/operator-error.ts';

/** Makes a folder for its owner alone, unless it is there. @throws OperatorError `usage` when it cannot be, or be written into */
export function makeOwnFolder(folder: string): void {
  try {
    makeFolders(folder, 0o700);
    // With the dot, what is no folder is refused too.
    accessSync(`${folder}/.`, constants.W_OK);
  } catch (error) {
    const message = `is no folder that can be written into (${(error as NodeJS.ErrnoException).code})`;
    const remedy = 'Name another folder';
    throw new OperatorError('usage', [{ file: folder, line: null, column: null, message, remedy }]);
  }
}
