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
import { type KeyAlgorithm, SIGNATURE_HASHES, type SignatureHash } from './key-algorithm.ts';
import type { Validity } from './validity.ts';

type HashName = (typeof SIGNATURE_HASHES)[SignatureHash];
type EcdsaAlgorithm = { readonly name: 'ECDSA'; readonly namedCurve: string; readonly hash: HashName };
type RsaAlgorithm = { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: HashName };

const P256: EcdsaAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const P384: EcdsaAlgorithm = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
const RSA: RsaAlgorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

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

/**
 * Does the same for many certificates of one issuer. If that is still being created, the new key is made in the meantime: an RSA
 * key takes a tenth of a second.
 */
export async function issueCertificate(
  request: CertificateRequest,
  awaitedIssuer: Issuer | Promise<Issuer> | null,
): Promise<KeyedCertificate> {
  const { keyAlgorithm = 'p256' } = request;
  const [keys, issuer] = await Promise.all([
    webcrypto.subtle.generateKey(KEY_GENERATION[keyAlgorithm], true, ['sign', 'verify']),
    awaitedIssuer,
  ]);
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

function purposeExtensions({ kind, keyAlgorithm }: CertificateRequest): readonly Extension[] {
  if (kind === 'authority') {
    return [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ];
  }
  const purpose = kind === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  // Suites without a Diffie-Hellman exchange encrypt the secret with the server's RSA key (RFC 5246, 7.4.2).
  const encipherment = kind === 'server' && keyAlgorithm === 'rsa2048' ? KeyUsageFlags.keyEncipherment : 0;
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature | encipherment, true),
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
  readonly signingAlgorithm: EcdsaAlgorithm | RsaAlgorithm;
  /** Identifies the issuer's key in each certificate. */
  readonly keyIdentifier: Extension;
};

/**
 * Reads the first certificate of `certificatePem`, and its key.
 *
 * @param hash of the signatures; `null` = the one that is usual for the key
 * @throws Error when the key is not unencrypted PEM, or is neither P-256, P-384 nor RSA.
 */
export async function openIssuer(
  { certificatePem, privateKeyPem }: KeyedCertificate,
  hash: SignatureHash | null = null,
): Promise<Issuer> {
  const certificate = new X509Certificate(certificatePem);
  const key = createPrivateKey(privateKeyPem);
  const usual = algorithmOf(key);
  const signingAlgorithm = { ...usual, hash: hash === null ? usual.hash : SIGNATURE_HASHES[hash] };
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

/** Whether the signature on a certificate is made with the hash. */
export function isSignedWithHash(certificatePem: string, hash: SignatureHash): boolean {
  return new X509Certificate(certificatePem).signatureAlgorithm.hash.name === SIGNATURE_HASHES[hash];
}

/** Whether a CA may sign other CAs (RFC 5280, 4.2.1.9). */
export function maySignAuthorities(certificatePem: string): boolean {
  return new X509Certificate(certificatePem).getExtension(BasicConstraintsExtension)?.pathLength !== 0;
}
