import 'reflect-metadata';
import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { KeyAlgorithm } from './key-algorithm.ts';
import type { Validity } from './validity.ts';

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const P384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' } as const;
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

/** For WebCrypto's `generateKey`. */
const KEY_GENERATION: Readonly<Record<KeyAlgorithm, webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams>> = {
  p256: P256,
  rsa2048: { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
};

/** A certificate with its private key, both PEM. */
export type KeyedCertificate = {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
};

export type CertificateRequest = Validity & {
  /** `authority` signs others, `server` identifies `dnsNames` and `ipAddresses`, `device` identifies a client. */
  readonly kind: 'authority' | 'server' | 'device';
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Absent = P-256. */
  readonly keyAlgorithm?: KeyAlgorithm;
};

/** Creates a key and a certificate for it, signed by `issuer`, or self-signed if that is `null`. */
export async function createCertificate(
  request: CertificateRequest,
  issuer: KeyedCertificate | null,
): Promise<KeyedCertificate> {
  return issueCertificate(request, issuer === null ? null : await openIssuer(issuer));
}

/** Does the same for many certificates of one issuer. */
export async function issueCertificate(request: CertificateRequest, issuer: Issuer | null): Promise<KeyedCertificate> {
  const { keyAlgorithm = 'p256' } = request;
  const keys = await webcrypto.subtle.generateKey(KEY_GENERATION[keyAlgorithm], true, ['sign', 'verify']);
  const subject = [{ CN: [request.commonName] }];
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: issuer?.subject ?? subject,
    publicKey: keys.publicKey,
    signingKey: issuer?.signingKey ?? keys.privateKey,
    signingAlgorithm: issuer?.signingAlgorithm ?? (keyAlgorithm === 'p256' ? P256 : RSA),
    notBefore: new Date(request.notBeforeMs),
    notAfter: new Date(request.notAfterMs),
    extensions: [
      ...purposeExtensions(request),
      ...nameExtensions(request),
      ...(await keyExtensions(request, keys.publicKey, issuer)),
    ],
  });
  return { certificatePem: `${certificate.toString('pem')}\n`, privateKeyPem: privateKeyPem(keys.privateKey) };
}

function purposeExtensions({ kind }: CertificateRequest): readonly Extension[] {
  if (kind === 'authority') {
    return [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ];
  }
  const purpose = kind === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([purpose]),
  ];
}

function nameExtensions({ dnsNames = [], ipAddresses = [] }: CertificateRequest): readonly Extension[] {
  const names = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  return names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)];
}

/** RFC 5280, 4.2.1.1 and 4.2.1.2; strict verifiers, such as Python's since 3.13, reject chains without them. */
async function keyExtensions(
  { kind }: CertificateRequest,
  publicKey: webcrypto.CryptoKey,
  issuer: Issuer | null,
): Promise<readonly Extension[]> {
  return [
    ...(kind === 'authority' ? [await SubjectKeyIdentifierExtension.create(publicKey)] : []),
    ...(issuer === null ? [] : [issuer.keyIdentifier]),
  ];
}

function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A CA that is ready to sign any number of certificates. */
export type Issuer = {
  readonly subject: Name;
  readonly signingKey: webcrypto.CryptoKey;
  readonly signingAlgorithm: typeof P256 | typeof P384 | typeof RSA;
  /** Identifies the issuer's key in each certificate. */
  readonly keyIdentifier: Extension;
};

/**
 * Reads the first certificate of `certificatePem`, and its key.
 *
 * @throws Error when the key is not unencrypted PEM, or is neither P-256, P-384 nor RSA.
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
