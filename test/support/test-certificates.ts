import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA_ALGORITHM = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
};
const DAY_MS = 86_400_000;

export type TestCa = {
  readonly certPem: string;
  keyPem(): Promise<string>;
  issue(options?: IssueOptions): Promise<TestCertificate>;
  /** A CA below this one; what it issues comes with its certificate. */
  intermediate(name: string): Promise<TestCa>;
};

export type TestCertificate = {
  readonly certPem: string;
  readonly keyPem: string;
};

export type IssueOptions = {
  /** DNS names and IP addresses; default: localhost and 127.0.0.1. */
  readonly hosts?: readonly string[];
  /** Days from now; default: −1 and 1. */
  readonly validDays?: readonly [from: number, to: number];
  /** P-256, or RSA with 2,048 bits; default: `ec`. */
  readonly keys?: 'ec' | 'rsa';
};

/** A root of its own, for one test. */
export async function createTestCa(name = 'test root'): Promise<TestCa> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    ...authorityOptions(),
  });
  return authority(root, keys.privateKey, []);
}

/** Makes CAs that bear the name of a root, and sign with the same algorithm, but with keys of their own. */
export async function impostors(): Promise<(rootPem: string) => TestCa> {
  const ec = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const rsa = await webcrypto.subtle.generateKey(RSA_ALGORITHM, true, ['sign', 'verify']);
  return (rootPem) => {
    const root = new x509.X509Certificate(rootPem);
    const { privateKey } = root.publicKey.algorithm.name.startsWith('RSA') ? rsa : ec;
    return authority(root, privateKey, []);
  };
}

function authorityOptions() {
  return {
    signingAlgorithm: KEY_ALGORITHM,
    serialNumber: serialNumber(),
    ...validity([-10, 10]),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  };
}

/** @param chainPems certificates that a server sends behind those of this CA's servers */
function authority(
  certificate: x509.X509Certificate,
  privateKey: webcrypto.CryptoKey,
  chainPems: readonly string[],
): TestCa {
  return {
    certPem: certificate.toString('pem'),
    keyPem: () => privateKeyPem(privateKey),
    async issue(options = {}) {
      const { certPem, keyPem } = await issue(certificate, privateKey, options);
      return { certPem: [certPem, ...chainPems].join('\n'), keyPem };
    },
    async intermediate(name) {
      const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
      const below = await x509.X509CertificateGenerator.create({
        subject: `CN=${name}`,
        issuer: certificate.subject,
        publicKey: keys.publicKey,
        signingKey: privateKey,
        ...authorityOptions(),
      });
      return authority(below, keys.privateKey, [below.toString('pem'), ...chainPems]);
    },
  };
}

async function issue(
  issuer: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
  { hosts = ['localhost', '127.0.0.1'], validDays = [-1, 1], keys: keyType = 'ec' }: IssueOptions,
): Promise<TestCertificate> {
  const algorithm = keyType === 'ec' ? KEY_ALGORITHM : RSA_ALGORITHM;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host }));
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=test server',
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: signingKey.algorithm.name === 'ECDSA' ? KEY_ALGORITHM : RSA_ALGORITHM,
    serialNumber: serialNumber(),
    ...validity(validDays),
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await privateKeyPem(keys.privateKey) };
}

function validity([from, to]: readonly [number, number]): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() + from * DAY_MS), notAfter: new Date(Date.now() + to * DAY_MS) };
}

/** Positive, as RFC 5280 asks: the first bit is 0. */
function serialNumber(): string {
  return `01${randomBytes(8).toString('hex')}`;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
