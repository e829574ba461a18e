import { X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { OperatorError, problem, problemIn } from '../problem/operator-error.ts';
import { createCertificate, type KeyedCertificate } from './certificate.ts';
import { pairFiles, readPair, writePair } from './certificate-pair.ts';
import { validityKind, validityOf } from './validity.ts';

export type ServerIdentity = {
  /** PEM of the CA that clients must trust. */
  readonly caPem: string;
  /** Where `caPem` stands. */
  readonly caFile: string;
  readonly server: KeyedCertificate;
};

const CA_VALID_DAYS = 3_650;
/** TLS clients refuse server certificates of more than 825 days, some of more than 398. */
const SERVER_VALID_DAYS = 397;

/** Under which every server certificate stands. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

/**
 * Reads the CA and the server certificate in `dir`, and creates what is absent; the latter also when it is not valid now,
 * or signed by another CA, or does not stand for all names. Files: `ca.pem`, `ca.key`, `server.pem`, `server.key`.
 *
 * @param nowMs Milliseconds since 1970.
 * @param names Host names and IP addresses of the server beside those of loopback.
 * @throws OperatorError when one of a pair is there without the other, or the CA has expired: its clients hold a copy of it,
 *   so that to replace it is for whoever gave it to them.
 */
export async function serverIdentity(
  dir: string,
  nowMs: number,
  names: readonly string[] = [],
): Promise<ServerIdentity> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const ca = storedPair(dir, 'ca') ?? (await createAuthority(dir, nowMs));
  const caFile = join(dir, 'ca.pem');
  if (validityKind(new X509Certificate(ca.certificatePem), nowMs) === 'expired') throw expiredAuthority(caFile);
  const stored = storedPair(dir, 'server');
  const all = [...new Set([...LOOPBACK_NAMES, ...names])];
  const server = stored !== null && isUsable(stored, ca, nowMs, all) ? stored : await createServer(dir, ca, nowMs, all);
  return { caPem: ca.certificatePem, caFile, server };
}

async function createAuthority(dir: string, nowMs: number): Promise<KeyedCertificate> {
  const validity = validityOf('current', CA_VALID_DAYS, nowMs);
  const request = { kind: 'authority', commonName: 'dpsload emulator CA', ...validity } as const;
  return store(dir, 'ca', await createCertificate(request, null));
}

async function createServer(
  dir: string,
  ca: KeyedCertificate,
  nowMs: number,
  names: readonly string[],
): Promise<KeyedCertificate> {
  const request = {
    kind: 'server',
    commonName: 'localhost',
    dnsNames: names.filter((name) => !isIP(name)),
    ipAddresses: names.filter((name) => isIP(name)),
    ...validityOf('current', SERVER_VALID_DAYS, nowMs),
  } as const;
  return store(dir, 'server', await createCertificate(request, ca));
}

function isUsable(server: KeyedCertificate, ca: KeyedCertificate, nowMs: number, names: readonly string[]): boolean {
  const certificate = new X509Certificate(server.certificatePem);
  const isCurrent = validityKind(certificate, nowMs) === 'current';
  const standsFor = (name: string): boolean =>
    (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  return isCurrent && names.every(standsFor) && certificate.verify(new X509Certificate(ca.certificatePem).publicKey);
}

function expiredAuthority(file: string): OperatorError {
  const remedy = 'Remove it with its key, then both are created; clients must trust the new one';
  return new OperatorError('usage', [problemIn(file, 'the CA has expired', remedy)]);
}

function storedPair(dir: string, name: string): KeyedCertificate | null {
  const { certificatePem, privateKeyPem } = readPair(pairFiles(dir, name));
  if (certificatePem === null && privateKeyPem === null) return null;
  if (certificatePem === null || privateKeyPem === null) {
    const remedy = 'Put both there, or neither: then both are created';
    throw new OperatorError('usage', [problem(`${dir} holds only one of ${name}.pem and ${name}.key`, remedy)]);
  }
  return { certificatePem, privateKeyPem };
}

function store(dir: string, name: string, pair: KeyedCertificate): KeyedCertificate {
  writePair(pairFiles(dir, name), pair);
  return pair;
}
