import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { commonName } from '../certificates/certificate-chain.ts';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { type CertificateFiles, certificatePaths } from '../fleet/certificate-files.ts';
import { unreadableReason } from '../problem/operator-error.ts';
import {
  type CredentialRefusal,
  type CredentialRow,
  certificateCredentials,
  type MadeCredentials,
} from './made-credentials.ts';

/**
 * Reads a device's certificate and key. Whether they fit each other is found out by TLS, and whether they are valid by the
 * service: a certificate that has expired is presented as it is.
 */
export async function fileCredentials(files: CertificateFiles, row: CredentialRow): Promise<MadeCredentials> {
  const { certificateFile, keyFile } = certificatePaths(files, row);
  if (certificateFile === null || keyFile === null) {
    throw new Error(`row ${row.row} names no certificate or no key; the survey should have refused it`);
  }
  const [chain, key] = await Promise.all([readText(certificateFile), readText(keyFile)]);
  if ('error' in chain) return unreadable(certificateFile, chain.error);
  if ('error' in key) return unreadable(keyFile, key.error);
  const refusal = certificateRefusal(chain.text, row.registrationId);
  if (refusal !== null) return { refusal: { ...refusal, message: `${certificateFile}: ${refusal.message}` } };
  return { credentials: certificateCredentials({ chainPem: chain.text, privateKeyPem: key.text }) };
}

/** What speaks against presenting the first certificate of `chainPem` as this device's. */
function certificateRefusal(chainPem: string, registrationId: string): CredentialRefusal | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(chainPem);
  } catch {
    return { code: 'certificate-unreadable', passes: false, message: 'holds no certificate in PEM' };
  }
  const name = commonName(certificate);
  if (name !== null && foldRegistrationId(name) === foldRegistrationId(registrationId)) return null;
  const whose = name === null ? 'has no common name' : `is for ${JSON.stringify(name)}`;
  return { code: 'certificate-mismatch', passes: false, message: `the certificate ${whose}, not for this device` };
}

/** What this machine lacks at the moment, and the file has nothing to do with: descriptors, memory, a disk that answers. */
const PASSING_ERRORS = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN', 'ETIMEDOUT'];

function unreadable(file: string, error: unknown): MadeCredentials {
  const passes = PASSING_ERRORS.includes((error as NodeJS.ErrnoException).code ?? '');
  const message = `${file}: ${unreadableReason(error).message}`;
  return { refusal: { code: 'certificate-unreadable', passes, message } };
}

async function readText(file: string): Promise<{ readonly text: string } | { readonly error: unknown }> {
  try {
    return { text: await readFile(file, 'utf8') };
  } catch (error) {
    return { error };
  }
}
