import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadAttestationKeys } from '../../src/attestation/attestation-keys.ts';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

let root: KeyedCertificate;
let line: KeyedCertificate;

beforeAll(async () => {
  root = await authority('Root');
  line = await authority('Line A', root);
  const leaf = await deviceCertificate('dev-1', line);
  const p521 = generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey;
  const texts = {
    'line.pem': line.certificatePem + root.certificatePem,
    'line.key': line.privateKeyPem,
    'line-sec1.key': createPrivateKey(line.privateKeyPem).export({ type: 'sec1', format: 'pem' }).toString(),
    'root.key': root.privateKeyPem,
    'leaf.pem': leaf.certificatePem,
    'leaf.key': leaf.privateKeyPem,
    'locked.key': createPrivateKey(line.privateKeyPem)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString(),
    'p521.key': p521.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'text.txt': 'nothing of use',
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(path(name), text);
});

const load = (certificateFile: string, keyFile: string) =>
  loadAttestationKeys(
    { kind: 'x509', certificates: { from: 'issuer', certificateFile: path(certificateFile), keyFile: path(keyFile) } },
    {},
  );

describe('an issuer', () => {
  it.each(['line.key', 'line-sec1.key'])('is read with what stands between it and the root (%s)', async (keyFile) => {
    expect(await load('line.pem', keyFile)).toMatchObject({
      kind: 'x509-issuer',
      intermediatesPem: line.certificatePem,
    });
  });

  it.each([
    ['missing.pem', 'line.key', /missing\.pem: no such file/],
    ['line.pem', 'missing.key', /missing\.key: no such file/],
    ['text.txt', 'line.key', /text\.txt: contains no PEM certificate/],
    ['leaf.pem', 'leaf.key', /leaf\.pem: is not a CA certificate/],
    ['line.pem', 'root.key', /root\.key: is not the key of .*line\.pem/],
    ['line.pem', 'text.txt', /text\.txt: is not a private key that can sign/],
    ['line.pem', 'locked.key', /locked\.key: is not a private key that can sign/],
    ['line.pem', 'p521.key', /p521\.key: is not a private key that can sign/],
  ])('is refused: %s with %s', async (certificateFile, keyFile, message) => {
    await expect(load(certificateFile, keyFile)).rejects.toThrow(message);
  });

  it('is refused with both files named when both are missing', async () => {
    await expect(load('a.pem', 'b.key')).rejects.toMatchObject({
      problems: [{ file: path('a.pem') }, { file: path('b.key') }],
    });
  });
});
