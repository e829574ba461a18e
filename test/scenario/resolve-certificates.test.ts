import { describe, expect, it } from 'vitest';
import type { Flags } from '../../src/scenario/read/gather-settings.ts';
import { printScenario } from '../../src/scenario/read/print-scenario.ts';
import { type ResolvedScenario, resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';

const TARGET = { host: 'dps.example', idScope: '0ne00111111', fleet: 'data/fleet.csv' };

function resolve(flags: Flags, yaml: string | null = null): ResolvedScenario {
  const scenarioFile = yaml === null ? null : { file: '/plans/s.yaml', text: yaml };
  return resolveScenario({ flags: { ...TARGET, ...flags }, environment: {}, scenarioFile, cores: 2 });
}

const ISSUER = { issuerCertFile: 'line.pem', issuerKeyFile: 'line.key' };

describe('with x509 the certificates come', () => {
  it.each<[name: string, flags: Flags, certificates: object]>([
    ['from the rows, beside the CSV', {}, { from: 'rows', folder: 'data' }],
    [
      'from a folder',
      { certDir: 'certs', keyPattern: '{registration_id}/key.pem' },
      {
        from: 'folder',
        folder: 'certs',
        certificatePattern: '{registration_id}.pem',
        keyPattern: '{registration_id}/key.pem',
      },
    ],
    ['from an issuer', ISSUER, { from: 'issuer', certificateFile: 'line.pem', keyFile: 'line.key' }],
  ])('%s', (_name, flags, certificates) => {
    const resolved = resolve({ attestation: 'x509', ...flags });
    expect(resolved.scenario.attestation).toEqual({ kind: 'x509', certificates });
    expect(() => resolve({}, printScenario(resolved))).not.toThrow();
  });

  it('as a scenario says', () => {
    const yaml = 'version: 1\nattestation: { kind: x509, issuer: { certificateFile: a.pem, keyFile: a.key } }\n';
    const certificates = { from: 'issuer', certificateFile: '/plans/a.pem', keyFile: '/plans/a.key' };
    expect(resolve({}, yaml).scenario.attestation).toEqual({ kind: 'x509', certificates });
  });
});

it.each<[name: string, flags: Flags, message: RegExp]>([
  ['certificates with keys', { certDir: 'certs' }, /--cert-dir: attestation group-key does not use certificates/],
  ['keys with certificates', { attestation: 'x509', groupKeyFile: 'k' }, /attestation x509 does not use group keys/],
  ['a pattern without a folder', { attestation: 'x509', keyPattern: '{registration_id}' }, /Add --cert-dir/],
  [
    'a pattern without the ID',
    { attestation: 'x509', certDir: 'c', keyPattern: 'all.key' },
    /--key-pattern "all.key" is not/,
  ],
  ['half an issuer', { attestation: 'x509', issuerCertFile: 'a.pem' }, /needs both its certificate and its key/],
  ['a folder and an issuer', { attestation: 'x509', certDir: 'c', ...ISSUER }, /two sources of certificates/],
])('%s: refused', (_name, flags, message) => {
  expect(() => resolve(flags)).toThrow(message);
});
