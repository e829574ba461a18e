import 'reflect-metadata';
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto';
import { AuthorityKeyIdentifierExtension, type Extension, type Name, X509Certificate } from '@peculiar/x509';
import type { KeyedCertificate } from './certificate.ts';
import { P256, P384, RSA } from './key-algorithm.ts';

/** A CA that is ready to sign: parsed once, for any number of certificates. */
export type Issuer = {
  readonly subject: Name;
  readonly signingKey: webcrypto.CryptoKey;
  readonly signingAlgorithm: typeof P256 | typeof P384 | typeof RSA;
  /** Names the issuer's key in each certificate. */
  readonly keyIdentifier: Extension;
};

/**
 * Reads the first certificate of `certificatePem`, and its key.
 *
 * @throws Error when the key is no unencrypted PEM, or neither P-256, P-384 nor RSA.
 */
export async function openIssuer({ certificatePem, privateKeyPem }: KeyedCertificate): Promise<Issuer> {
  const certificate = new X509Certificate(certificatePem);
  const key = createPrivateKey(privateKeyPem);
  const signingAlgorithm = algorithmOf(key);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return {
    subject: certificate.subjectName,
    signingKey: await webcrypto.subtle.importKey('pkcs8', der, signingAlgorithm, false, ['sign']),
    signingAlgorithm,
    keyIdentifier: await AuthorityKeyIdentifierExtension.create(certificate.publicKey),
  };
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): Issuer['signingAlgorithm'] {
  if (asymmetricKeyType === 'rsa') return RSA;
  const curve = asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return P256;
  if (curve === 'secp384r1') return P384;
  throw new Error(`a key of type ${[asymmetricKeyType, curve].filter(Boolean).join(' ')} cannot sign`);
}
