import { X509Certificate } from 'node:crypto';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { createCertificate, type KeyAlgorithm, type KeyedCertificate } from './certificate.ts';
import { isKeyOf, type PairFiles, readPair, writePair } from './certificate-pair.ts';
import { validityOf } from './validity.ts';

export type AuthorityRequest = {
  readonly commonName: string;
  readonly keyAlgorithm: KeyAlgorithm;
  /** Length of the validity. */
  readonly days: number;
};

export type Authority = KeyedCertificate & { readonly result: 'created' | 'kept' };

/**
 * Makes a CA, signed by `issuer`, or by itself when that is `null`. What is there is kept, so that certificates that were
 * issued by it stay valid.
 *
 * @throws OperatorError when one of its files is there without the other, they do not belong together, or another issuer signed it.
 */
export async function createAuthority(
  files: PairFiles,
  { commonName, keyAlgorithm, days }: AuthorityRequest,
  issuer: KeyedCertificate | null,
  nowMs: number,
): Promise<Authority> {
  const { certificatePem, privateKeyPem } = readPair(files);
  if (certificatePem !== null && privateKeyPem !== null) {
    const certificate = parsed(certificatePem, files.certificateFile);
    const isOfIssuer = certificate.verify(publicKeyOf(issuer?.certificatePem ?? certificatePem));
    if (!isOfIssuer) throw inTheWay(files.certificateFile, 'is there already, and another CA signed it');
    if (!isKeyOf(certificate, privateKeyPem)) {
      throw inTheWay(files.keyFile, `is there already, and not the key of ${files.certificateFile}`);
    }
    return { certificatePem, privateKeyPem, result: 'kept' };
  }
  if (certificatePem !== null) throw inTheWay(files.certificateFile, 'is there without its key');
  if (privateKeyPem !== null) throw inTheWay(files.keyFile, 'is there without its certificate');
  const request = { kind: 'authority', commonName, keyAlgorithm, ...validityOf('current', days, nowMs) } as const;
  const created = await createCertificate(request, issuer);
  writePair(files, created);
  return { ...created, result: 'created' };
}

function parsed(certificatePem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(certificatePem);
  } catch {
    throw inTheWay(file, 'is there already, and no certificate in PEM');
  }
}

function inTheWay(file: string, message: string): OperatorError {
  return new OperatorError('usage', [problemIn(file, message, 'Choose another folder')]);
}

function publicKeyOf(certificatePem: string): X509Certificate['publicKey'] {
  return new X509Certificate(certificatePem).publicKey;
}
