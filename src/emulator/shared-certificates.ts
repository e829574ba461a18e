import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerKeys } from '../certificates/server-identity.ts';

/*
 * Emulators of one process that have no folder of their own share their CA: tests start many, and the RSA keys of each would take
 * longer to make than all else.
 */

/** Contents by name of the file. */
type Files = ReadonlyMap<string, Buffer>;

const filesOf = new Map<ServerKeys, Files>();

/** Puts the certificates of earlier emulators with these keys into the empty folder. */
export function shareCertificates(dir: string, keys: ServerKeys): void {
  for (const [name, content] of filesOf.get(keys) ?? []) writeFileSync(join(dir, name), content, { mode: 0o600 });
}

/** Remembers the certificates of the folder for later emulators. */
export function keepCertificates(dir: string, keys: ServerKeys): void {
  filesOf.set(keys, new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))])));
}
