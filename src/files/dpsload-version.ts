import { readFileSync } from 'node:fs';
import { packageFile } from './package-files.ts';

/** Version from package.json. */
export function dpsloadVersion(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
