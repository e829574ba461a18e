import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this package: the nearest one above this module that has a package.json. The build puts modules of several folders into one file. */
const PACKAGE_FOLDER = packageFolder(dirname(fileURLToPath(import.meta.url)));

/** A file or folder of this package, by its path from the package's root. */
export function packageFile(path: string): string {
  return join(PACKAGE_FOLDER, path);
}

function packageFolder(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : packageFolder(dirname(from));
}
