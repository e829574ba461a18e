import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serverIdentity } from '../../src/certificates/server-identity.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 86_400_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dpsload-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('makes a CA, and a server certificate for localhost signed by it', async () => {
  const { caPem, server } = await serverIdentity(dir, NOW_MS);
  const ca = new X509Certificate(caPem);
  const leaf = new X509Certificate(server.certificatePem);
  expect(ca.ca).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(leaf.checkIssued(ca)).toBe(true);
  expect(leaf.verify(ca.publicKey)).toBe(true);
  expect(leaf.checkHost('localhost')).toBeDefined();
  expect(leaf.checkIP('127.0.0.1')).toBeDefined();
  expect(leaf.checkIP('::1')).toBeDefined();
  expect(leaf.checkHost('example.com')).toBeUndefined();
});

it('keeps private keys to their owner', async () => {
  await serverIdentity(join(dir, 'new'), NOW_MS);
  expect(statSync(join(dir, 'new')).mode & 0o777).toBe(0o700);
  for (const name of ['ca.key', 'server.key']) expect(statSync(join(dir, 'new', name)).mode & 0o777).toBe(0o600);
});

it('reuses files that exist', async () => {
  const first = await serverIdentity(dir, NOW_MS);
  expect(await serverIdentity(dir, NOW_MS)).toEqual(first);
});

it('makes a new server certificate when the old one has expired, of the same CA', async () => {
  const first = await serverIdentity(dir, NOW_MS);
  const later = await serverIdentity(dir, NOW_MS + 2 * YEAR_MS);
  expect(later.caPem).toBe(first.caPem);
  expect(later.server.certificatePem).not.toBe(first.server.certificatePem);
});

it('refuses a CA that has expired, and leaves it as it is', async () => {
  const { caPem, caFile } = await serverIdentity(dir, NOW_MS);
  const later = serverIdentity(dir, NOW_MS + 11 * YEAR_MS);
  await expect(later).rejects.toThrow(`${caFile}: the CA has expired. Remove it and its key`);
  expect(readFileSync(caFile, 'utf8')).toBe(caPem);
});

it('makes a new server certificate when another CA signed the old one', async () => {
  const first = await serverIdentity(dir, NOW_MS);
  unlinkSync(join(dir, 'ca.pem'));
  unlinkSync(join(dir, 'ca.key'));
  const second = await serverIdentity(dir, NOW_MS);
  expect(second.server.certificatePem).not.toBe(first.server.certificatePem);
});

it('makes a new server certificate when the old one does not cover every name', async () => {
  const first = await serverIdentity(dir, NOW_MS);
  const names = ['global.azure-devices-provisioning.net', '192.0.2.7'];
  const second = await serverIdentity(dir, NOW_MS, names);
  expect(second.caPem).toBe(first.caPem);
  const leaf = new X509Certificate(second.server.certificatePem);
  for (const name of ['localhost', names[0] ?? '']) expect(leaf.checkHost(name)).toBeDefined();
  expect(leaf.checkIP('192.0.2.7')).toBeDefined();
  expect(await serverIdentity(dir, NOW_MS, names.slice(1))).toEqual(second);
});

it('refuses half a pair', async () => {
  await serverIdentity(dir, NOW_MS);
  unlinkSync(join(dir, 'ca.key'));
  await expect(serverIdentity(dir, NOW_MS)).rejects.toThrow(/contains only one of ca\.pem and ca\.key/);
});
