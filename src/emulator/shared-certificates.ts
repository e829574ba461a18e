import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SignatureHash } from '../certificates/key-algorithm.ts';
import type { ServerKeys } from '../certificates/server-identity.ts';

/*
 * Emulators of one process that have no folder of their own share their CA: tests start many, and the RSA keys of each would take
 * longer to make than all else.
 */

/** Contents by name of the file. */
type Files = ReadonlyMap<string, Buffer>;

const CA_FILES: readonly string[] = ['ca.pem', 'ca.key'];

const filesOf = new Map<ServerKeys, Files>();

/** Puts the certificates of earlier emulators with these keys into the empty folder. */
export function shareCertificates(dir: string, keys: ServerKeys): void {
  for (const [name, content] of filesOf.get(keys) ?? []) writeFileSync(join(dir, name), content, { mode: 0o600 });
}

/** Remembers the certificates of the folder for later emulators; with a hash that was asked for, only the CA, which it does not concern. */
export function keepCertificates(dir: string, keys: ServerKeys, hash: SignatureHash | null): void {
  const names = readdirSync(dir).filter((name) => hash === null || CA_FILES.includes(name));
  const files = names.map((name) => [name, readFileSync(join(dir, name))] as const);
  filesOf.set(keys, new Map([...(filesOf.get(keys) ?? []), ...files]));
}
