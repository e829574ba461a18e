import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
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

/** Whether the key belongs to the certificate; `false` when the text is not a key. */
export function isKeyOf(certificate: X509Certificate, privateKeyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    return false;
  }
}

/** Reads those of the two files that exist. */
export function readPair({ certificateFile, keyFile }: PairFiles): StoredPair {
  return { certificatePem: readIfExists(certificateFile), privateKeyPem: readIfExists(keyFile) };
}

/** Writes or replaces both files; only their owner can read the key. */
export function writePair({ certificateFile, keyFile }: PairFiles, pair: KeyedCertificate): void {
  // Overwriting a file would keep its mode.
  rmSync(keyFile, { force: true });
  writeFileSync(keyFile, pair.privateKeyPem, { mode: 0o600 });
  writeFileSync(certificateFile, pair.certificatePem);
}

/** The error for a file that stands in the way of a new pair. */
export function obstacle(file: string, message: string): OperatorError {
  return new OperatorError('usage', [problemIn(file, message, 'Choose another folder')]);
}

function readIfExists(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
