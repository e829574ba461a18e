import { readFileSync } from 'node:fs';

/** Version of this program, from its package.json. */
export function dpsloadVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
