import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { dpsload, type Ended } from '../support/dpsload-program.ts';
import { readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const path = (...names: readonly string[]): string => join(folder, ...names);
const certificate = (...names: readonly string[]): X509Certificate => new X509Certificate(readFileSync(path(...names)));
const DEVICES = 30;

beforeAll(async () => {
  const created = await dpsload(['certs', 'create', '-o', path('ca'), '--intermediate', 'line-a']);
  expect(created).toMatchObject({ code: 0, stderr: '' });
  const ids = Array.from({ length: DEVICES }, (_, index) => `dev-${index}`);
  writeFileSync(path('fleet.csv'), ['registration_id;site', ...ids.map((id) => `${id};"a;b"`)].join('\n'));
});

function issue(out: string, ...args: readonly string[]): Promise<Ended> {
  const issuer = ['--issuer-cert-file', path('ca', 'line-a.pem'), '--issuer-key-file', path('ca', 'line-a.key')];
  return dpsload(['certs', 'issue', path('fleet.csv'), '--delimiter', ';', ...issuer, '-o', path(out), ...args]);
}

describe('certs create', () => {
  it('makes a root, and an intermediate below it, for their owner alone', () => {
    const [root, line] = [certificate('ca', 'root.pem'), certificate('ca', 'line-a.pem')];
    expect([root.ca, line.ca, line.subject]).toEqual([true, true, 'CN=line-a']);
    expect(line.verify(root.publicKey) && root.verify(root.publicKey)).toBe(true);
    expect(statSync(path('ca')).mode & 0o777).toBe(0o700);
    for (const name of ['root.key', 'line-a.key']) expect(statSync(path('ca', name)).mode & 0o777).toBe(0o600);
  });

  it('keeps what is there, and adds to it', async () => {
    const before = readFileSync(path('ca', 'line-a.pem'), 'utf8');
    const { code, stdout, stderr } = await dpsload([
      ...['certs', 'create', '-o', path('ca'), '--key', 'rsa2048', '--root-name', 'Mine'],
      ...['--intermediate', 'line-a', '--intermediate', 'line-b'],
    ]);
    expect([code, stdout.replace(/ .*/g, '')]).toEqual([0, 'kept\nkept\ncreated\n']);
    expect(stderr).toMatch(/root\.pem is kept as it is: its common name is "dpsload root CA", not "Mine"/);
    expect(stderr).toMatch(/root\.pem is kept as it is: its key is p256, not rsa2048/);
    expect(stderr.match(/line-a\.pem is kept/g)).toHaveLength(1);
    expect(readFileSync(path('ca', 'line-a.pem'), 'utf8')).toBe(before);
    expect(certificate('ca', 'line-b.pem').publicKey.asymmetricKeyType).toBe('rsa');
  });

  it('keeps no CA whose key belongs to another', async () => {
    await dpsload(['certs', 'create', '-o', path('mixed')]);
    writeFileSync(path('mixed', 'root.key'), readFileSync(path('ca', 'root.key')));
    const { code, stderr } = await dpsload(['certs', 'create', '-o', path('mixed')]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/root\.key: already exists, and is not the key of .*root\.pem/),
    ]);
  });

  it('refuses an output folder that is a file', async () => {
    const { code, stderr } = await dpsload(['certs', 'create', '-o', path('fleet.csv')]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/fleet\.csv: is not a writable folder \(ENOTDIR\)/)]);
  });
});

describe('certs issue', () => {
  it('makes a certificate and a key for each device, and a CSV that names them', async () => {
    const { code, stdout, stderr } = await issue('line-a');
    expect([code, stdout, stderr]).toEqual([
      0,
      `${DEVICES} certificates issued for ${DEVICES} devices: ${path('line-a', 'fleet.csv')}\n`,
      '',
    ]);
    const rows = readResultRows(path('line-a', 'fleet.csv'));
    expect(rows).toHaveLength(DEVICES);
    for (const [index, row] of rows.entries()) {
      expect(row).toEqual({
        registration_id: `dev-${index}`,
        site: 'a;b',
        cert_file: `dev-${index}.pem`,
        key_file: `dev-${index}.key`,
      });
      expect(certificate('line-a', row['cert_file'] ?? '').subject).toBe(`CN=dev-${index}`);
      expect(statSync(path('line-a', row['key_file'] ?? '')).mode & 0o777).toBe(0o600);
    }
    expect(readdirSync(path('line-a'))).toHaveLength(2 * DEVICES + 1);
  });

  it('goes on where it was interrupted', async () => {
    for (const name of ['fleet.csv', 'dev-3.pem', 'dev-4.key']) rmSync(path('line-a', name));
    expect((await issue('line-a')).stdout).toMatch(new RegExp(`^2 certificates issued, ${DEVICES - 2} kept for`));
    expect(readResultRows(path('line-a', 'fleet.csv'))).toHaveLength(DEVICES);
  });

  it('says what it replaced', async () => {
    await issue('replaced');
    rmSync(path('replaced', 'dev-3.pem'));
    expect((await issue('replaced', '--defect', 'expired')).stdout).toMatch(
      new RegExp(`^1 certificate issued, ${DEVICES - 1} replaced with their keys for ${DEVICES} devices`),
    );
  });

  it.each([
    'expired',
    'not-yet-valid',
    'wrong-ca',
  ])('makes certificates that the service refuses: %s', async (defect) => {
    expect((await issue(defect, '--defect', defect, '--quiet')).code).toBe(0);
    const leaf = certificate(defect, 'dev-0.pem');
    const issuer = certificate('ca', 'line-a.pem');
    const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
    const moment = to < Date.now() ? 'expired' : from > Date.now() ? 'not-yet-valid' : 'current';
    expect([leaf.issuer, leaf.verify(issuer.publicKey), moment]).toEqual([
      issuer.subject,
      defect !== 'wrong-ca',
      defect === 'wrong-ca' ? 'current' : defect,
    ]);
  });

  it('finds all that is wrong with the fleet before it makes anything', async () => {
    writeFileSync(path('bad.csv'), `registration_id\nok\n${'x'.repeat(65)}\nOK\n`);
    const issuer = ['--issuer-cert-file', path('ca', 'line-a.pem'), '--issuer-key-file', path('ca', 'line-a.key')];
    const { code, stderr } = await dpsload(['certs', 'issue', path('bad.csv'), ...issuer, '-o', path('bad')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/bad\.csv:3: registration_id is 65 characters long/);
    expect(stderr).toMatch(/bad\.csv:4: duplicate of line 2/);
    expect(readdirSync(folder)).not.toContain('bad');
  });
});
