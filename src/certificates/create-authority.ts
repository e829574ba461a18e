import { X509Certificate } from 'node:crypto';
import { createCertificate, type KeyedCertificate } from './certificate.ts';
import { parseCertificate } from './certificate-chain.ts';
import { isKeyOf, obstacle, type PairFiles, readPair, writePair } from './certificate-pair.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { validityOf } from './validity.ts';

export type AuthorityRequest = {
  readonly commonName: string;
  readonly keyAlgorithm: KeyAlgorithm;
  /** Validity in days. */
  readonly days: number;
};

export type Authority = KeyedCertificate & { readonly result: 'created' | 'kept' };

/**
 * Creates a CA, signed by `issuer`, or self-signed if that is `null`. Keeps an existing CA, because certificates that it issued
 * must stay valid.
 *
 * @throws OperatorError when only one of its files exists, they do not belong together, or another issuer signed it.
 */
export async function createAuthority(
  files: PairFiles,
  { commonName, keyAlgorithm, days }: AuthorityRequest,
  issuer: KeyedCertificate | null,
  nowMs: number,
): Promise<Authority> {
  const { certificatePem, privateKeyPem } = readPair(files);
  if (certificatePem !== null && privateKeyPem !== null) {
    const certificate = parseCertificate(certificatePem);
    if (certificate === null) throw obstacle(files.certificateFile, 'already exists, and is not a PEM certificate');
    const isOfIssuer = certificate.verify(new X509Certificate(issuer?.certificatePem ?? certificatePem).publicKey);
    if (!isOfIssuer) throw obstacle(files.certificateFile, 'already exists, and was signed by another CA');
    if (!isKeyOf(certificate, privateKeyPem)) {
      throw obstacle(files.keyFile, `already exists, and is not the key of ${files.certificateFile}`);
    }
    return { certificatePem, privateKeyPem, result: 'kept' };
  }
  if (certificatePem !== null) throw obstacle(files.certificateFile, 'exists without its key');
  if (privateKeyPem !== null) throw obstacle(files.keyFile, 'exists without its certificate');
  const request = { kind: 'authority', commonName, keyAlgorithm, ...validityOf('current', days, nowMs) } as const;
  const created = await createCertificate(request, issuer);
  writePair(files, created);
  return { ...created, result: 'created' };
}
