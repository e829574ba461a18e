import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

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
