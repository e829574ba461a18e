import 'reflect-metadata';
import { KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCertificate, type KeyedCertificate } from '../../src/certificates/certificate.ts';
import { certificatesIn } from '../../src/certificates/certificate-chain.ts';
import { type KeyAlgorithm, keyKind } from '../../src/certificates/key-algorithm.ts';
import {
  type ServerChoices,
  type ServerIdentity,
  type ServerKeys,
  serverIdentity,
} from '../../src/certificates/server-identity.ts';
import { validityOf } from '../../src/certificates/validity.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 86_400_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dpsload-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** With ECDSA alone, which is made faster. */
function identity(choices: ServerChoices = {}, nowMs = NOW_MS): Promise<ServerIdentity> {
  return serverIdentity(dir, nowMs, { keys: 'ecdsa', ...choices });
}

const chainsOf = ({ servers }: ServerIdentity): readonly (readonly X509Certificate[])[] =>
  servers.map(({ certificatePem }) => certificatesIn(certificatePem));

function leafOf(found: ServerIdentity): X509Certificate {
  const leaf = chainsOf(found)[0]?.[0];
  if (leaf === undefined) throw new Error('no server certificate');
  return leaf;
}

const kindsIn = (found: ServerIdentity): readonly (readonly string[])[] =>
  chainsOf(found).map((chain) => chain.map(({ publicKey }) => keyKind(publicKey)));

it('makes a CA, an intermediate, and a server certificate for localhost', async () => {
  const found = await identity();
  const ca = new X509Certificate(found.caPem);
  const [[leaf, intermediate, ...others] = []] = chainsOf(found);
  if (leaf === undefined || intermediate === undefined) throw new Error('no chain');
  expect(others).toEqual([]);
  expect([ca.ca, intermediate.ca, leaf.ca]).toEqual([true, true, false]);
  for (const [certificate, issuer] of [
    [leaf, intermediate],
    [intermediate, ca],
  ] as const) {
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
  }
  expect(leaf.verify(ca.publicKey)).toBe(false);
  expect(leaf.checkHost('localhost')).toBeDefined();
  expect(leaf.checkIP('127.0.0.1')).toBeDefined();
  expect(leaf.checkIP('::1')).toBeDefined();
  expect(leaf.checkHost('example.com')).toBeUndefined();
});

describe('the kinds of keys', () => {
  it.each<[ServerKeys, ca: string, servers: string[], files: string]>([
    ['both', 'rsa2048', ['p256', 'rsa2048'], 'ca intermediate server server-rsa'],
    ['ecdsa', 'p256', ['p256'], 'ca intermediate server'],
  ])('with %s, the CA is %s', async (keys, caKind, servers, files) => {
    const found = await identity({ keys });
    expect(keyKind(new X509Certificate(found.caPem).publicKey)).toBe(caKind);
    expect(kindsIn(found)).toEqual(servers.map((kind) => [kind, caKind]));
    const expected = files.split(' ').flatMap((name) => [`${name}.key`, `${name}.pem`]);
    expect(readdirSync(dir).sort()).toEqual(expected.sort());
    expect(await identity({ keys })).toEqual(found);
    if (keys === 'both') expect(kindsIn(await identity({ keys: 'rsa' }))).toEqual([['rsa2048', caKind]]);
  });
});

it('keeps private keys to their owner', async () => {
  await serverIdentity(join(dir, 'new'), NOW_MS, { keys: 'ecdsa' });
  expect(statSync(join(dir, 'new')).mode & 0o777).toBe(0o700);
  for (const name of ['ca.key', 'intermediate.key', 'server.key']) {
    expect(statSync(join(dir, 'new', name)).mode & 0o777).toBe(0o600);
  }
});

it('makes a new server certificate when the old one has expired, of the same CA', async () => {
  const first = await identity();
  const later = await identity({}, NOW_MS + 2 * YEAR_MS);
  expect(later.caPem).toBe(first.caPem);
  expect(leafOf(later).raw).not.toEqual(leafOf(first).raw);
  expect(chainsOf(later)[0]?.[1]?.raw).toEqual(chainsOf(first)[0]?.[1]?.raw);
});

it('refuses a CA that has expired, and leaves it as it is', async () => {
  const { caPem, caFile } = await identity();
  const later = identity({}, NOW_MS + 11 * YEAR_MS);
  await expect(later).rejects.toThrow(`${caFile}: the CA has expired. Remove it and its key`);
  expect(readFileSync(caFile, 'utf8')).toBe(caPem);
});

it('makes everything anew below another CA', async () => {
  const first = await identity();
  unlinkSync(join(dir, 'ca.pem'));
  unlinkSync(join(dir, 'ca.key'));
  const second = await identity();
  const ca = new X509Certificate(second.caPem);
  expect(leafOf(second).raw).not.toEqual(leafOf(first).raw);
  expect(chainsOf(second)[0]?.[1]?.verify(ca.publicKey)).toBe(true);
});

it('makes a new server certificate when the old one does not cover every name', async () => {
  const first = await identity();
  const names = ['global.azure-devices-provisioning.net', '192.0.2.7'];
  const second = await identity({ names });
  expect(second.caPem).toBe(first.caPem);
  const leaf = leafOf(second);
  for (const name of ['localhost', names[0] ?? '']) expect(leaf.checkHost(name)).toBeDefined();
  expect(leaf.checkIP('192.0.2.7')).toBeDefined();
  expect(await identity({ names: names.slice(1) })).toEqual(second);
});

it('refuses half a pair', async () => {
  await identity();
  unlinkSync(join(dir, 'ca.key'));
  await expect(identity()).rejects.toThrow(/contains only one of ca\.pem and ca\.key/);
});

describe('the hash of signatures', () => {
  /** OpenSSL's names are in the text of no certificate that Node reads; their object identifiers are in its bytes. */
  const isSha384 = ({ raw }: X509Certificate): boolean => raw.includes(Buffer.from('06082a8648ce3d040303', 'hex'));
  const hashes = (found: ServerIdentity) => chainsOf(found).map((chain) => chain.map(isSha384));

  it('is SHA-256, and what is stored stays unless another is asked for', async () => {
    expect(hashes(await identity())).toEqual([[false, false]]);
    const second = await identity({ hash: 'sha384' });
    expect(hashes(second)).toEqual([[true, true]]);
    expect(await identity()).toEqual(second);
    expect(hashes(await identity({ hash: 'sha256' }))).toEqual([[false, false]]);
  });
});

describe('a folder of an earlier version, or of the user', () => {
  function write(name: string, { certificatePem, privateKeyPem }: KeyedCertificate): void {
    writeFileSync(join(dir, `${name}.pem`), certificatePem);
    writeFileSync(join(dir, `${name}.key`), privateKeyPem);
  }

  /** A root that may sign servers alone: its path length is 0. */
  async function caWithoutCas(): Promise<KeyedCertificate> {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Root',
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(NOW_MS - YEAR_MS),
      notAfter: new Date(NOW_MS + YEAR_MS),
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    });
    const privateKeyPem = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
    return { certificatePem: certificate.toString('pem'), privateKeyPem };
  }

  /** A CA, and a server certificate that it has signed itself. */
  async function earlierFolder(keyAlgorithm: KeyAlgorithm): Promise<void> {
    const validity = validityOf('current', 300, NOW_MS);
    const ca = await createCertificate({ kind: 'authority', commonName: 'Root', ...validity }, null);
    const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] };
    const request = { kind: 'server', commonName: 'localhost', keyAlgorithm, ...names, ...validity } as const;
    write('ca', ca);
    write('server', await createCertificate(request, ca));
  }

  it.each([
    ['p256', 'server-rsa', ['p256'], ['rsa2048', 'p256']],
    ['rsa2048', 'server-ecdsa', ['p256', 'p256'], ['rsa2048']],
  ] as const)('with a %s certificate keeps what it has, and gets %s', async (algorithm, added, ecdsa, rsa) => {
    await earlierFolder(algorithm);
    const before = ['ca.pem', 'ca.key', 'server.pem', 'server.key'].map((file) =>
      readFileSync(join(dir, file), 'utf8'),
    );
    const found = await identity({ keys: 'both' });
    expect([found.caPem, kindsIn(found)]).toEqual([before[0], [ecdsa, rsa]]);
    const after = ['ca.pem', 'ca.key', 'server.pem', 'server.key'].map((file) => readFileSync(join(dir, file), 'utf8'));
    expect(after).toEqual(before);
    expect(readdirSync(dir)).toContain(`${added}.pem`);
  });

  it('gets no intermediate below a CA that allows none', async () => {
    write('ca', await caWithoutCas());
    const found = await identity();
    const [chain = []] = chainsOf(found);
    expect(chain).toHaveLength(1);
    expect(leafOf(found).verify(new X509Certificate(found.caPem).publicKey)).toBe(true);
  });
});
