import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { authority, deviceCertificate, EXPIRED, x509Group } from '../support/certificates.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';
import { onlyRunFolder, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

let emulator: TestEmulator;
let root: KeyedCertificate;
let line: KeyedCertificate;

beforeAll(async () => {
  root = await authority('Root');
  line = await authority('Line A', root);
  emulator = await startTestEmulator({
    instances: [emulatedInstance({ enrollmentGroups: [x509Group('line-a', root)], individualEnrollments: [] })],
    behavior: { retryAfterSeconds: 0 },
  });
});

afterAll(() => emulator.close());

function writeCertificate(name: string, { certificatePem, privateKeyPem }: KeyedCertificate, chain = ''): void {
  writeFileSync(path(`${name}.pem`), certificatePem + chain);
  writeFileSync(path(`${name}.key`), privateKeyPem);
}

function run(fleet: string, out: string, ...args: readonly string[]) {
  const target = targetArgs(emulator);
  return dpsload(['run', fleet, ...target, '--attestation', 'x509', ...args, '-w', '1', '--out', path(out), '--quiet']);
}

const results = (out: string): Record<string, string> =>
  Object.fromEntries(
    readResultRows(join(onlyRunFolder(path(out)), 'registrations.csv')).map((row) => [
      row['registration_id'] ?? '',
      [row['result'], row['error_code']].filter(Boolean).join(' '),
    ]),
  );

describe('X.509, by the files of each row', () => {
  it('registers the good ones, and says of each bad one what is wrong', async () => {
    writeCertificate('good', await deviceCertificate('good', line), line.certificatePem);
    writeCertificate('no-chain', await deviceCertificate('no-chain', line));
    writeCertificate('expired', await deviceCertificate('expired', line, EXPIRED), line.certificatePem);
    writeCertificate('stranger', await deviceCertificate('stranger', await authority('Line A')));
    // The key of another, under a certificate of its own.
    writeCertificate('half', { ...(await deviceCertificate('half', line)), privateKeyPem: root.privateKeyPem });
    const ids = ['good', 'no-chain', 'expired', 'stranger', 'half'];
    const rows = [...ids.map((id) => `${id},${id}.pem,${id}.key`), 'borrowed,good.pem,good.key'];
    writeFileSync(path('rows.csv'), ['registration_id,cert_file,key_file', ...rows].join('\n'));
    const { code, stderr } = await run(path('rows.csv'), 'rows');
    expect([code, stderr]).toEqual([3, expect.any(String)]);
    expect(results('rows')).toEqual({
      good: 'assigned',
      'no-chain': 'refused 401002',
      expired: 'refused 401002',
      stranger: 'refused 401002',
      borrowed: 'refused certificate-mismatch',
      half: 'refused client-certificate',
    });
    const journal = readFileSync(join(onlyRunFolder(path('rows')), 'journal.ndjson'), 'utf8');
    expect(journal).not.toContain('PRIVATE KEY');
  });

  it('finds every missing file before anything is sent', async () => {
    writeFileSync(path('missing.csv'), 'registration_id,cert_file,key_file\ngood,good.pem,none.key\nother,,x.key\n');
    const { code, stderr } = await run(path('missing.csv'), 'missing');
    expect(code).toBe(2);
    expect(stderr).toMatch(/missing\.csv:2: key_file ".*none\.key": no such file/);
    expect(stderr).toMatch(/missing\.csv:3: no cert_file/);
    expect(stderr).toMatch(/missing\.csv:3: key_file ".*x\.key": no such file/);
  });
});

it('X.509, by the files of a folder', async () => {
  writeCertificate('folder-1', await deviceCertificate('folder-1', line), line.certificatePem);
  writeFileSync(path('folder.csv'), 'registration_id\nfolder-1\n');
  expect((await run(path('folder.csv'), 'folder', '--cert-dir', folder)).code).toBe(0);
  expect(results('folder')).toEqual({ 'folder-1': 'assigned' });
});

it('X.509, by an issuer, at the embedded emulator, over WebSocket', async () => {
  writeCertificate('line', line);
  writeFileSync(path('embedded.csv'), 'registration_id\ndev-1\ndev-2\n');
  const issuer = ['--issuer-cert-file', path('line.pem'), '--issuer-key-file', path('line.key')];
  const args = ['run', path('embedded.csv'), '--emulator', '--attestation', 'x509', ...issuer, '-w', '1', '--quiet'];
  const { code } = await dpsload([...args, '--transport', 'websocket', '--out', path('embedded')]);
  expect(code).toBe(0);
  expect(results('embedded')).toEqual({ 'dev-1': 'assigned', 'dev-2': 'assigned' });
});

it('X.509, by an issuer that makes a certificate for each device', async () => {
  writeCertificate('line', line);
  const ids = Array.from({ length: 20 }, (_, index) => `issued-${index}`);
  writeFileSync(path('issued.csv'), ['registration_id', ...ids].join('\n'));
  const issuer = ['--issuer-cert-file', path('line.pem'), '--issuer-key-file', path('line.key')];
  expect((await run(path('issued.csv'), 'issued', ...issuer)).code).toBe(0);
  expect(results('issued')).toEqual(Object.fromEntries(ids.map((id) => [id, 'assigned'])));
});
