import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCertificate, issueCertificate, openIssuer } from '../../src/certificates/certificate.ts';
import { certificatesIn, intermediatesIn } from '../../src/certificates/certificate-chain.ts';
import { KEY_ALGORITHMS } from '../../src/certificates/key-algorithm.ts';
import { VALIDITY_KINDS, validityKind, validityOf } from '../../src/certificates/validity.ts';
import { authority, deviceCertificate, parsed } from '../support/certificates.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const VALID = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2070, 0, 1) };

describe.each(KEY_ALGORITHMS)('a CA with a %s key', (caKey) => {
  it.each(KEY_ALGORITHMS)('signs a device with a %s key', async (keyAlgorithm) => {
    const ca = await createCertificate({ kind: 'authority', commonName: 'CA', keyAlgorithm: caKey, ...VALID }, null);
    const request = { kind: 'device', commonName: 'dev-1', keyAlgorithm, ...VALID } as const;
    const device = await issueCertificate(request, await openIssuer(ca));
    const leaf = parsed(device);
    expect(leaf.checkIssued(parsed(ca)) && leaf.verify(parsed(ca).publicKey)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(device.privateKeyPem))).toBe(true);
    expect(leaf.publicKey.asymmetricKeyType).toBe(keyAlgorithm === 'p256' ? 'ec' : 'rsa');
    expect([leaf.subject, leaf.ca, leaf.keyUsage]).toEqual(['CN=dev-1', false, ['1.3.6.1.5.5.7.3.2']]);
  });
});

it('a chain holds what stands between device and root', async () => {
  const root = await authority('Root');
  const line = await authority('Line A', root);
  const device = await deviceCertificate('dev-1', line);
  const all = device.certificatePem + line.certificatePem + root.certificatePem;
  expect(certificatesIn(all).map(({ subject }) => subject)).toEqual(['CN=dev-1', 'CN=Line A', 'CN=Root']);
  expect(intermediatesIn(line.certificatePem + root.certificatePem)).toBe(line.certificatePem);
  expect(intermediatesIn('no PEM')).toBe('');
});

it.each(VALIDITY_KINDS)('gives a certificate the validity that its name says: %s', async (kind) => {
  for (const days of [1, 365]) {
    const { notBeforeMs, notAfterMs } = validityOf(kind, days, NOW_MS);
    const request = { kind: 'device', commonName: 'dev-1', notBeforeMs, notAfterMs } as const;
    const { certificatePem } = await createCertificate(request, null);
    expect(validityKind(new X509Certificate(certificatePem), NOW_MS)).toBe(kind);
  }
});
