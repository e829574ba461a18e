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
  /** The file that contains `caPem`. */
  readonly caFile: string;
  readonly server: KeyedCertificate;
};

const CA_VALID_DAYS = 3_650;
/** TLS clients reject server certificates of more than 825 days, some of more than 398. */
const SERVER_VALID_DAYS = 397;

/** Names in every server certificate. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

/**
 * Reads the CA and the server certificate in `dir`, and creates what is missing. Replaces a server certificate that is not
 * valid now, is signed by another CA, or lacks one of the names. Files: `ca.pem`, `ca.key`, `server.pem`, `server.key`.
 *
 * @param nowMs Milliseconds since 1970.
 * @param names Host names and IP addresses of the server, in addition to those of loopback.
 * @throws OperatorError when only one file of a pair exists, or the CA has expired: clients hold copies of it, so only the
 *   person who distributed it can replace it.
 */
export async function serverIdentity(
  dir: string,
  nowMs: number,
  names: readonly string[] = [],
): Promise<ServerIdentity> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const ca = readCompletePair(dir, 'ca') ?? (await createCa(dir, nowMs));
  const caFile = join(dir, 'ca.pem');
  if (validityKind(new X509Certificate(ca.certificatePem), nowMs) === 'expired') {
    const remedy = 'Remove it and its key to have both created again; clients must then trust the new CA';
    throw new OperatorError('usage', [problemIn(caFile, 'the CA has expired', remedy)]);
  }
  const stored = readCompletePair(dir, 'server');
  const all = [...new Set([...LOOPBACK_NAMES, ...names])];
  const server = stored !== null && isUsable(stored, ca, nowMs, all) ? stored : await createServer(dir, ca, nowMs, all);
  return { caPem: ca.certificatePem, caFile, server };
}

async function createCa(dir: string, nowMs: number): Promise<KeyedCertificate> {
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
  const covers = (name: string): boolean =>
    (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  return isCurrent && names.every(covers) && certificate.verify(new X509Certificate(ca.certificatePem).publicKey);
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
