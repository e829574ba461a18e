import { X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { OperatorError, problem, problemIn } from '../problem/operator-error.ts';
import {
  type CertificateRequest,
  createCertificate,
  isSignedWithHash,
  issueCertificate,
  type KeyedCertificate,
  maySignAuthorities,
  openIssuer,
} from './certificate.ts';
import { certificatesIn, certificateTexts } from './certificate-chain.ts';
import { pairFiles, readPair, writePair } from './certificate-pair.ts';
import { chainProblem } from './enrollment-chain.ts';
import type { KeyAlgorithm, SignatureHash } from './key-algorithm.ts';
import { validityKind, validityOf } from './validity.ts';

export type ServerIdentity = {
  /** PEM of the CA that clients must trust. */
  readonly caPem: string;
  /** The file that contains `caPem`. */
  readonly caFile: string;
  /** One for each kind of key. Each certificate is followed by its intermediate. */
  readonly servers: readonly KeyedCertificate[];
};

/** Which keys a server has: with `both`, the client's suites choose. A new CA is ECDSA with `ecdsa`, else RSA. */
export const SERVER_KEYS = ['both', 'ecdsa', 'rsa'] as const;

export type ServerKeys = (typeof SERVER_KEYS)[number];

export type ServerChoices = {
  /** Host names and IP addresses, in addition to those of loopback. Default: none. */
  readonly names?: readonly string[];
  /** Default: `both`. */
  readonly keys?: ServerKeys;
  /** Of the signatures on server and intermediate; default: what is there stays, what is new gets SHA-256. */
  readonly hash?: SignatureHash | null;
};

const CA_VALID_DAYS = 3_650;
/** TLS clients reject server certificates of more than 825 days, some of more than 398. */
const SERVER_VALID_DAYS = 397;

/** Names in every server certificate. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

type KeyType = Exclude<ServerKeys, 'both'>;

const ALGORITHMS: Readonly<Record<KeyType, KeyAlgorithm>> = { ecdsa: 'p256', rsa: 'rsa2048' };

/** A folder of certificates, and what those in it must be like. */
type CaFolder = {
  readonly dir: string;
  readonly nowMs: number;
  /** Every name of the server. */
  readonly names: readonly string[];
  readonly hash: SignatureHash | null;
};

/** Who signs a server, and what that sends behind its own certificate. */
type Signer = { readonly pair: KeyedCertificate; readonly intermediatesPem: string };

/**
 * Reads CA, intermediate and server certificates in `dir`, and creates what is missing. The chain has three certificates, as
 * that of the service does, unless a given CA allows no CA below it. Replaces a server certificate that is not valid now, does
 * not lead to the CA, or lacks one of the names.
 *
 * Files: `ca`, `intermediate`, `server` and `server-rsa`, each with `.pem` and `.key`. If `server` was given and is RSA, the other
 * is `server-ecdsa`.
 *
 * @param nowMs Milliseconds since 1970.
 * @throws OperatorError when only one file of a pair exists, or the CA has expired: clients hold copies of it, so only the
 *   person who distributed it can replace it.
 */
export async function serverIdentity(
  dir: string,
  nowMs: number,
  { names = [], keys = 'both', hash = null }: ServerChoices = {},
): Promise<ServerIdentity> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const folder = { dir, nowMs, names: [...new Set([...LOOPBACK_NAMES, ...names])], hash };
  const storedCa = readCa(folder);
  const caKeys = storedCa === null ? (keys === 'ecdsa' ? 'ecdsa' : 'rsa') : keyTypeOf(storedCa);
  // All keys are made at the same time, and each certificate waits for its issuer.
  const ca = storedCa === null ? createCa(folder, caKeys) : Promise.resolve(storedCa);
  let signer: Promise<Signer> | null = null;
  const server = (keyType: KeyType): KeyedCertificate | Promise<KeyedCertificate> => {
    const stored = storedCa === null ? null : usableServer(folder, keyType, storedCa);
    if (stored !== null) return stored;
    signer ??= storedSigner(folder, storedCa) ?? createIntermediate(folder, ca, caKeys);
    return createServer(folder, keyType, signer);
  };
  const keyTypes: readonly KeyType[] = keys === 'both' ? ['ecdsa', 'rsa'] : [keys];
  const [{ certificatePem: caPem }, ...servers] = await Promise.all([ca, ...keyTypes.map(server)]);
  return { caPem, caFile: caFileIn(dir), servers };
}

function caFileIn(dir: string): string {
  return pairFiles(dir, 'ca').certificateFile;
}

/** `null` = there is none. */
function readCa({ dir, nowMs }: CaFolder): KeyedCertificate | null {
  const ca = readCompletePair(dir, 'ca');
  if (ca === null || validityKind(new X509Certificate(ca.certificatePem), nowMs) !== 'expired') return ca;
  const remedy = 'Remove it and its key to have both created again; clients must then trust the new CA';
  throw new OperatorError('usage', [problemIn(caFileIn(dir), 'the CA has expired', remedy)]);
}

async function createCa({ dir, nowMs }: CaFolder, keyType: KeyType): Promise<KeyedCertificate> {
  return store(dir, 'ca', await createCertificate(authorityRequest('dpsload emulator CA', keyType, nowMs), null));
}

/** The CA itself where it allows no CA below it, or the intermediate that is there; `null` = one must be created. */
function storedSigner({ dir, nowMs, hash }: CaFolder, ca: KeyedCertificate | null): Promise<Signer> | null {
  if (ca === null) return null;
  if (!maySignAuthorities(ca.certificatePem)) return Promise.resolve({ pair: ca, intermediatesPem: '' });
  const pair = readCompletePair(dir, 'intermediate');
  if (pair === null || !leadsTo(ca, pair, nowMs) || !isHashedWith(hash, pair)) return null;
  return Promise.resolve({ pair, intermediatesPem: pair.certificatePem });
}

async function createIntermediate(
  { dir, nowMs, hash }: CaFolder,
  ca: Promise<KeyedCertificate>,
  keyType: KeyType,
): Promise<Signer> {
  const request = authorityRequest('dpsload emulator intermediate CA', keyType, nowMs);
  const issuer = ca.then((pair) => openIssuer(pair, hash));
  const pair = store(dir, 'intermediate', await issueCertificate(request, issuer));
  return { pair, intermediatesPem: pair.certificatePem };
}

function authorityRequest(commonName: string, keyType: KeyType, nowMs: number): CertificateRequest {
  const validity = validityOf('current', CA_VALID_DAYS, nowMs);
  return { kind: 'authority', commonName, keyAlgorithm: ALGORITHMS[keyType], ...validity };
}

/** The server certificate with this kind of key; `null` = there is none, or none that will do. */
function usableServer(folder: CaFolder, keyType: KeyType, ca: KeyedCertificate): KeyedCertificate | null {
  const { dir, nowMs, names, hash } = folder;
  const server = readCompletePair(dir, serverFile(dir, keyType));
  if (server === null || !leadsTo(ca, server, nowMs) || !isHashedWith(hash, server)) return null;
  const certificate = new X509Certificate(server.certificatePem);
  const covers = (name: string): boolean =>
    (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  return names.every(covers) ? server : null;
}

async function createServer(folder: CaFolder, keyType: KeyType, signer: Promise<Signer>): Promise<KeyedCertificate> {
  const { dir, nowMs, names, hash } = folder;
  const request = {
    kind: 'server',
    commonName: 'localhost',
    keyAlgorithm: ALGORITHMS[keyType],
    dnsNames: names.filter((name) => !isIP(name)),
    ipAddresses: names.filter((name) => isIP(name)),
    ...validityOf('current', SERVER_VALID_DAYS, nowMs),
  } as const;
  const issuer = signer.then(({ pair }) => openIssuer(pair, hash));
  const [server, { intermediatesPem }] = await Promise.all([issueCertificate(request, issuer), signer]);
  const certificatePem = server.certificatePem + intermediatesPem;
  return store(dir, serverFile(dir, keyType), { ...server, certificatePem });
}

/** `server` for the kind that it holds, or ECDSA as long as it does not exist. */
function serverFile(dir: string, keyType: KeyType): string {
  const plain = readCompletePair(dir, 'server');
  return (plain === null ? 'ecdsa' : keyTypeOf(plain)) === keyType ? 'server' : `server-${keyType}`;
}

function keyTypeOf({ certificatePem }: KeyedCertificate): KeyType {
  return new X509Certificate(certificatePem).publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa';
}

/** Whether a certificate is valid now, and leads to the CA through the others of its file. */
function leadsTo(ca: KeyedCertificate, { certificatePem }: KeyedCertificate, nowMs: number): boolean {
  const chain = certificatesIn(certificatePem);
  const isCurrent = chain.every((certificate) => validityKind(certificate, nowMs) === 'current');
  return isCurrent && chainProblem(chain, [new X509Certificate(ca.certificatePem)], nowMs) === null;
}

/** Whether the certificates of the file are signed with the hash; `null` = any will do. */
function isHashedWith(hash: SignatureHash | null, { certificatePem }: KeyedCertificate): boolean {
  return hash === null || certificateTexts(certificatePem).every((each) => isSignedWithHash(each, hash));
}

function readCompletePair(dir: string, name: string): KeyedCertificate | null {
  const { certificatePem, privateKeyPem } = readPair(pairFiles(dir, name));
  if (certificatePem === null && privateKeyPem === null) return null;
  if (certificatePem === null || privateKeyPem === null) {
    const remedy = 'Supply both, or remove both: they are then created';
    throw new OperatorError('usage', [problem(`${dir} contains only one of ${name}.pem and ${name}.key`, remedy)]);
  }
  return { certificatePem, privateKeyPem };
}

function store(dir: string, name: string, pair: KeyedCertificate): KeyedCertificate {
  writePair(pairFiles(dir, name), pair);
  return pair;
}
