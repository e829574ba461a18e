import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above this module with a package.json. A relative path would not do: the build bundles modules of several folders. */
const PACKAGE_FOLDER = packageFolder(dirname(fileURLToPath(import.meta.url)));

/** Resolves a path relative to the root of this package. */
export function packageFile(path: string): string {
  return join(PACKAGE_FOLDER, path);
}

function packageFolder(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : packageFolder(dirname(from));
}
