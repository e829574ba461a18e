import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AttestationKeys } from '../../src/attestation/attestation-keys.ts';
import { type CredentialRow, credentialsMaker, type MadeCredentials } from '../../src/attestation/make-credentials.ts';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { certificatesIn } from '../../src/certificates/certificate-chain.ts';
import { refusedOutcome } from '../../src/registration/unsent-outcomes.ts';
import { authority, deviceCertificate, EXPIRED, parsed } from '../support/certificates.ts';
import { launch } from '../support/launches.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ID_SCOPE = '0ne00111111';
const folder = temporaryFolder();

let root: KeyedCertificate;
let line: KeyedCertificate;
let device: KeyedCertificate;

beforeAll(async () => {
  root = await authority('Root');
  line = await authority('Line A', root);
  device = await deviceCertificate('dev-1', line);
  writeFileSync(join(folder, 'one.pem'), device.certificatePem + line.certificatePem);
  writeFileSync(join(folder, 'one.key'), device.privateKeyPem);
  writeFileSync(join(folder, 'expired.pem'), (await deviceCertificate('dev-1', line, EXPIRED)).certificatePem);
  writeFileSync(join(folder, 'other.pem'), (await deviceCertificate('dev-2', line)).certificatePem);
  writeFileSync(join(folder, 'text.pem'), 'no certificate');
  mkdirSync(join(folder, 'certs'));
  writeFileSync(join(folder, 'certs', 'dev-1.pem'), device.certificatePem);
  writeFileSync(join(folder, 'certs', 'k-dev-1'), device.privateKeyPem);
});

function make(keys: AttestationKeys, row: Partial<CredentialRow>): Promise<MadeCredentials> {
  return credentialsMaker(keys, ID_SCOPE, new VirtualClock())({ ...launch(0), registrationId: 'dev-1', ...row });
}

const FROM_ROWS: AttestationKeys = { kind: 'x509-files', files: { from: 'rows', folder } };

describe('files of the rows', () => {
  it('become the client certificate, with no password', async () => {
    const made = await make(FROM_ROWS, { certificateFile: 'one.pem', keyFile: 'one.key' });
    if (!('credentials' in made)) throw new Error(made.refusal.message);
    expect(made.credentials.password(0, 0)).toBeNull();
    expect(made.credentials.clientCertificate).toEqual({
      chainPem: device.certificatePem + line.certificatePem,
      privateKeyPem: device.privateKeyPem,
    });
  });

  it.each([
    ['a path of its own, not of the CSV', { certificateFile: join(folder, 'one.pem'), keyFile: 'one.key' }],
    [
      'another case of the ID, which is the same to the service',
      { registrationId: 'DEV-1', certificateFile: 'one.pem' },
    ],
    ['a certificate that has expired: the service is to judge it', { certificateFile: 'expired.pem' }],
    ['the key of another: TLS finds out', { certificateFile: 'one.pem', keyFile: 'text.pem' }],
  ])('may be %s', async (_name, row) => {
    expect(await make(FROM_ROWS, { keyFile: 'one.key', ...row })).toHaveProperty('credentials');
  });

  it.each([
    ['certificate-unreadable', 'missing.pem', 'one.key', /missing\.pem: no such file/],
    ['certificate-unreadable', 'one.pem', 'missing.key', /missing\.key: no such file/],
    ['certificate-unreadable', 'certs', 'one.key', /is a folder/],
    ['certificate-unreadable', 'text.pem', 'one.key', /text\.pem: contains no PEM certificate/],
    ['certificate-mismatch', 'other.pem', 'one.key', /other\.pem: the certificate is for "dev-2"/],
  ])('are refused as %s: %s, %s', async (code, certificateFile, keyFile, message) => {
    const made = await make(FROM_ROWS, { certificateFile, keyFile });
    expect(made).toMatchObject({ refusal: { code, passes: false, message: expect.stringMatching(message) } });
  });

  // The kernel answers EIO to whoever reads the memory of a process at an address where there is none.
  it.runIf(process.platform === 'linux')(
    'are only not to be had where this machine fails at the moment (needs Linux)',
    async () => {
      const made = await make(FROM_ROWS, { certificateFile: '/proc/self/mem', keyFile: 'one.key' });
      expect(made).toMatchObject({ refusal: { code: 'certificate-unreadable', passes: true, message: /EIO/ } });
      const refusal = { code: 'certificate-unreadable', message: 'EIO', passes: true };
      const { result, errorCode, registersSent } = refusedOutcome(launch(0), refusal, 5);
      expect([result, errorCode, registersSent]).toEqual(['disconnected', 'certificate-unreadable', 0]);
      expect(refusedOutcome(launch(0), { ...refusal, passes: false }, 5).result).toBe('refused');
    },
  );
});

it('files of a folder are found by the registration ID', async () => {
  const files = { from: 'folder', folder: join(folder, 'certs') } as const;
  const patterns = { certificatePattern: '{registration_id}.pem', keyPattern: 'k-{registration_id}' };
  const made = await make({ kind: 'x509-files', files: { ...files, ...patterns } }, {});
  expect(made).toMatchObject({ credentials: { clientCertificate: { privateKeyPem: device.privateKeyPem } } });
});

it('an issuer makes a new certificate for each device, followed by the intermediates', async () => {
  const keys: AttestationKeys = { kind: 'x509-issuer', issuer: line, intermediatesPem: line.certificatePem };
  const [one, two] = await Promise.all([make(keys, {}), make(keys, { registrationId: 'dev-2' })]);
  const leaves = [one, two].map((made) => {
    if (!('credentials' in made)) throw new Error(made?.refusal.message);
    const { chainPem = '', privateKeyPem = '' } = made.credentials.clientCertificate ?? {};
    const [leaf, ...rest] = certificatesIn(chainPem);
    expect(rest.map(({ subject }) => subject)).toEqual(['CN=Line A']);
    expect(leaf?.verify(parsed(line).publicKey)).toBe(true);
    return { subject: leaf?.subject, privateKeyPem };
  });
  expect(leaves.map(({ subject }) => subject)).toEqual(['CN=dev-1', 'CN=dev-2']);
  expect(leaves[0]?.privateKeyPem).not.toBe(leaves[1]?.privateKeyPem);
});

it('without certificates there is a token, and no client certificate', async () => {
  const made = await make(
    { kind: 'device-key' },
    { deviceKey: 'c2VjcmV0LW9mLXRoZS10ZXN0LWdyb3VwLWtleS0wMTIzNDU2Nzg5' },
  );
  if (!('credentials' in made)) throw new Error(made.refusal.message);
  expect(made.credentials.clientCertificate).toBeNull();
  expect(made.credentials.password(0, 0)).toMatch(/^SharedAccessSignature /);
});
