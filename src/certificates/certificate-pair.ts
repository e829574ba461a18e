import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyedCertificate } from './certificate.ts';

/** Files of a certificate and its key. */
export type PairFiles = { readonly certificateFile: string; readonly keyFile: string };

export type StoredPair = {
  /** `null` = no such file. */
  readonly certificatePem: string | null;
  readonly privateKeyPem: string | null;
};

export function pairFiles(folder: string, name: string): PairFiles {
  return { certificateFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) };
}

/** Whether they belong together; not where the text holds no key. */
export function isKeyOf(certificate: X509Certificate, privateKeyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    return false;
  }
}

/** What is there of a pair. */
export function readPair({ certificateFile, keyFile }: PairFiles): StoredPair {
  return { certificatePem: readIfThere(certificateFile), privateKeyPem: readIfThere(keyFile) };
}

/** Writes both, the key for its owner alone. What was there is replaced. */
export function writePair({ certificateFile, keyFile }: PairFiles, pair: KeyedCertificate): void {
  // A file keeps its mode when it is written again.
  rmSync(keyFile, { force: true });
  writeFileSync(keyFile, pair.privateKeyPem, { mode: 0o600 });
  writeFileSync(certificateFile, pair.certificatePem);
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
