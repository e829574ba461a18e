import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { DeviceBatch, type DeviceBatchSettings } from '../../src/certificates/device-batch.ts';
import { validityKind } from '../../src/certificates/validity.ts';
import { authority, deviceCertificate, parsed } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 86_400_000;
const base = temporaryFolder();

let root: KeyedCertificate;
let line: KeyedCertificate;

beforeAll(async () => {
  root = await authority('Root');
  line = await authority('Line A', root);
});

function batch(name: string, settings: Partial<DeviceBatchSettings> = {}, issuer = line): Promise<DeviceBatch> {
  const folder = join(base, name);
  mkdirSync(folder, { recursive: true });
  return DeviceBatch.open({ folder, keyAlgorithm: 'p256', validity: 'current', days: 30, ...settings }, issuer);
}

it('a device gets its certificate, the intermediates, and a key for its owner alone', async () => {
  const devices = await batch('new', {}, { ...line, certificatePem: line.certificatePem + root.certificatePem });
  expect(await devices.issue('dev-1', NOW_MS)).toBe('issued');
  const { certificateFile, keyFile } = devices.filesOf('dev-1');
  const chain = readFileSync(certificateFile, 'utf8');
  const leaf = new X509Certificate(chain);
  expect([leaf.subject, leaf.verify(parsed(line).publicKey), validityKind(leaf, NOW_MS)]).toEqual([
    'CN=dev-1',
    true,
    'current',
  ]);
  expect(leaf.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))).toBe(true);
  expect(chain.endsWith(line.certificatePem)).toBe(true);
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
});

describe('a certificate that exists', () => {
  it('is kept as it is', async () => {
    const devices = await batch('kept');
    await devices.issue('dev-1', NOW_MS);
    const { certificateFile, keyFile } = devices.filesOf('dev-1');
    const before = [readFileSync(certificateFile, 'utf8'), readFileSync(keyFile, 'utf8')];
    expect(await (await batch('kept')).issue('dev-1', NOW_MS)).toBe('kept');
    expect([readFileSync(certificateFile, 'utf8'), readFileSync(keyFile, 'utf8')]).toEqual(before);
  });

  it.each<[name: string, change: (files: { certificateFile: string; keyFile: string }) => void]>([
    ['its certificate is missing', ({ certificateFile }) => unlinkSync(certificateFile)],
    ['its key is missing', ({ keyFile }) => unlinkSync(keyFile)],
    ['its certificate was not written to its end', ({ certificateFile }) => truncateSync(certificateFile, 100)],
    ['its key was not written to its end', ({ keyFile }) => truncateSync(keyFile, 40)],
    ['its key is another one', ({ keyFile }) => writeFileSync(keyFile, line.privateKeyPem)],
  ])('is made again when %s', async (name, change) => {
    const devices = await batch(name);
    await devices.issue('dev-1', NOW_MS);
    change(devices.filesOf('dev-1'));
    expect(await devices.issue('dev-1', NOW_MS)).toBe('issued');
    expect(await devices.issue('dev-1', NOW_MS)).toBe('kept');
    expect(statSync(devices.filesOf('dev-1').keyFile).mode & 0o777).toBe(0o600);
  });

  it('is made again when it has expired, when another CA is to sign, and when another validity is wanted', async () => {
    const devices = await batch('changed');
    await devices.issue('dev-1', NOW_MS);
    expect(await devices.issue('dev-1', NOW_MS + YEAR_MS)).toBe('replaced');
    expect(await (await batch('changed', {}, root)).issue('dev-1', NOW_MS + YEAR_MS)).toBe('replaced');
    const expired = await batch('changed', { validity: 'expired' }, root);
    expect(await expired.issue('dev-1', NOW_MS + YEAR_MS)).toBe('replaced');
    expect(await expired.issue('dev-1', NOW_MS + YEAR_MS)).toBe('kept');
  });

  it.each<[name: string, settings: Partial<DeviceBatchSettings>]>([
    ['a key of another kind', { keyAlgorithm: 'rsa2048' }],
    ['more days', { days: 31 }],
    ['fewer days', { days: 29 }],
  ])('is made again for %s', async (name, settings) => {
    await (await batch(name)).issue('dev-1', NOW_MS);
    const devices = await batch(name, settings);
    expect(await devices.issue('dev-1', NOW_MS)).toBe('replaced');
    expect(await devices.issue('dev-1', NOW_MS)).toBe('kept');
  });

  it.each<DeviceBatchSettings['validity']>([
    'current',
    'expired',
    'not-yet-valid',
  ])('is kept also later, within its days: %s', async (validity) => {
    const devices = await batch(`later ${validity}`, { validity });
    await devices.issue('dev-1', NOW_MS + 1);
    expect(await devices.issue('dev-1', NOW_MS + 3_600_999)).toBe('kept');
  });

  it.each([
    ['pem', 'a certificate of somebody else', async () => (await deviceCertificate('dev-2', line)).certificatePem],
    ['pem', 'something else', async () => 'notes'],
    ['key', 'the key of an enrollment group', async () => 'c2VjcmV0LW9mLXRoZS10ZXN0LWdyb3VwLWtleQ=='],
  ])('is not touched where .%s holds %s', async (ending, name, content) => {
    const devices = await batch(name);
    const file = join(base, name, `dev-1.${ending}`);
    const text = await content();
    writeFileSync(file, text);
    await expect(devices.issue('dev-1', NOW_MS)).rejects.toThrow(
      /already exists, and does not belong to device "dev-1"/,
    );
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
