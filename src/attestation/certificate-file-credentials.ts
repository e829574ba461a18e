import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { commonName } from '../certificates/common-name.ts';
import { foldRegistrationId } from '../dps/registration-id.ts';
import { type CertificateFiles, certificatePaths } from '../fleet/certificate-files.ts';
import { unreadableReason } from '../problem/unreadable-file.ts';
import { certificateCredentials } from './certificate-credentials.ts';
import type { CredentialRefusal, CredentialRow, MadeCredentials } from './make-credentials.ts';

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
  if ('reason' in chain) return unreadable(`${certificateFile}: ${chain.reason}`);
  if ('reason' in key) return unreadable(`${keyFile}: ${key.reason}`);
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
    return { code: 'certificate-unreadable', message: 'holds no certificate in PEM' };
  }
  const name = commonName(certificate);
  if (name !== null && foldRegistrationId(name) === foldRegistrationId(registrationId)) return null;
  const whose = name === null ? 'has no common name' : `is for ${JSON.stringify(name)}`;
  return { code: 'certificate-mismatch', message: `the certificate ${whose}, not for this device` };
}

function unreadable(message: string): MadeCredentials {
  return { refusal: { code: 'certificate-unreadable', message } };
}

async function readText(file: string): Promise<{ readonly text: string } | { readonly reason: string }> {
  try {
    return { text: await readFile(file, 'utf8') };
  } catch (error) {
    return { reason: unreadableReason(error).message };
  }
}
