import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type Issuer, openIssuer } from './issuer.ts';
import { KEY_GENERATION, type KeyAlgorithm, P256, RSA } from './key-algorithm.ts';

/** A certificate with its private key, both PEM. */
export type KeyedCertificate = {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
};

export type CertificateRequest = {
  /** `authority` signs others, `server` stands for `dnsNames` and `ipAddresses`, `device` is a client's. */
  readonly kind: 'authority' | 'server' | 'device';
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Validity, milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Absent = P-256. */
  readonly keyAlgorithm?: KeyAlgorithm;
};

/** Makes a key and a certificate for it, signed by `issuer`; by itself when `issuer` is `null`. */
export async function createCertificate(
  request: CertificateRequest,
  issuer: KeyedCertificate | null,
): Promise<KeyedCertificate> {
  return issueCertificate(request, issuer === null ? null : await openIssuer(issuer));
}

/** As `createCertificate`; for many certificates of one issuer. */
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

/** RFC 5280, 4.2.1.1 and 4.2.1.2; strict verifiers, such as Python's since 3.13, refuse chains without them. */
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
