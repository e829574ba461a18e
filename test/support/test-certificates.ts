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
  /** Default: `ec`. */
  readonly keys?: KeyType;
};

const ALGORITHMS = { ec: KEY_ALGORITHM, rsa: RSA_ALGORITHM } as const;

/** P-256, or RSA with 2,048 bits. */
export type KeyType = keyof typeof ALGORITHMS;

/** A root of its own, for one test. @param keyType its own and those of CAs below it */
export async function createTestCa(name = 'test root', keyType: KeyType = 'ec'): Promise<TestCa> {
  const keys = await generateKeys(keyType);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    ...authorityOptions(keyType),
  });
  return authority({ certificate: root, privateKey: keys.privateKey, keyType }, []);
}

async function generateKeys(keyType: KeyType): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHMS[keyType], true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** Makes CAs that bear the name of a root, and sign with the same algorithm, but with keys of their own. */
export async function impostors(): Promise<(rootPem: string) => TestCa> {
  const keysOf = { ec: await generateKeys('ec'), rsa: await generateKeys('rsa') };
  return (rootPem) => {
    const certificate = new x509.X509Certificate(rootPem);
    const keyType = certificate.publicKey.algorithm.name.startsWith('RSA') ? 'rsa' : 'ec';
    return authority({ certificate, privateKey: keysOf[keyType].privateKey, keyType }, []);
  };
}

function authorityOptions(keyType: KeyType) {
  return {
    signingAlgorithm: ALGORITHMS[keyType],
    serialNumber: serialNumber(),
    ...validity([-10, 10]),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  };
}

type Issuer = {
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
  readonly keyType: KeyType;
};

/** @param chainPems certificates that a server sends behind those of this CA's servers */
function authority(issuer: Issuer, chainPems: readonly string[]): TestCa {
  const { certificate, privateKey, keyType } = issuer;
  return {
    certPem: certificate.toString('pem'),
    keyPem: () => privateKeyPem(privateKey),
    async issue(options = {}) {
      const { certPem, keyPem } = await issue(issuer, options);
      return { certPem: [certPem, ...chainPems].join('\n'), keyPem };
    },
    async intermediate(name) {
      const keys = await generateKeys(keyType);
      const below = await x509.X509CertificateGenerator.create({
        subject: `CN=${name}`,
        issuer: certificate.subject,
        publicKey: keys.publicKey,
        signingKey: privateKey,
        ...authorityOptions(keyType),
      });
      const issuerBelow = { certificate: below, privateKey: keys.privateKey, keyType };
      return authority(issuerBelow, [below.toString('pem'), ...chainPems]);
    },
  };
}

async function issue(
  issuer: Issuer,
  { hosts = ['localhost', '127.0.0.1'], validDays = [-1, 1], keys: keyType = 'ec' }: IssueOptions,
): Promise<TestCertificate> {
  const keys = await generateKeys(keyType);
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host }));
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=test server',
    issuer: issuer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: issuer.privateKey,
    signingAlgorithm: ALGORITHMS[issuer.keyType],
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
