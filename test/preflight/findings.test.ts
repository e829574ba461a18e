import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCertificate } from '../../src/certificates/certificate.ts';
import { ONE_REGISTRATION } from '../../src/load/capacity.ts';
import type { TlsProbe } from '../../src/mqtt/tls-probe.ts';
import { amountFinding, overloadFindings, unknownHubs } from '../../src/preflight/capacity-findings.ts';
import { parseOpenFiles, parsePortRange } from '../../src/preflight/local-limits.ts';
import { clockFinding, connectFinding, connectionFindings, dnsFinding } from '../../src/preflight/target-findings.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

describe('what Linux tells', () => {
  it.each([
    ['Max open files            1024                 1048576              files     \n', 1_024],
    ['Limit\nMax open files            unlimited            unlimited            files', Number.POSITIVE_INFINITY],
    ['Max processes             1024                 2048                 processes', null],
    ['', null],
  ])('open files: %j → %s', (text, expected) => {
    expect(parseOpenFiles(text)).toBe(expected);
  });

  it.each([
    ['32768\t60999\n', 28_232],
    ['1024 65535', 64_512],
    ['', null],
  ])('ports: %j → %s', (text, expected) => {
    expect(parsePortRange(text)).toBe(expected);
  });
});

describe('the clock', () => {
  it.each<[skewMs: number | null, level: string, evidence: RegExp]>([
    [null, 'unknown', /^not measured/],
    [900, 'ok', /^within a second/],
    [-30_000, 'ok', /^30 s behind/],
    [61_000, 'warning', /^61 s ahead of/],
    [-3_600_000, 'warning', /^3,600 s behind/],
    [-3_601_000, 'problem', /^3,601 s behind/],
    [4_000_000, 'warning', /^4,000 s ahead of/],
  ])('%s ms ahead: %s', (skewMs, level, evidence) => {
    expect(clockFinding(skewMs)).toMatchObject({ level, evidence: expect.stringMatching(evidence) });
  });
});

describe('the connection', () => {
  const PROBE: TlsProbe = { tcpMs: 5, tlsMs: 12, protocol: 'TLSv1.2', address: '10.0.0.1', chain: [], failure: null };

  async function chain(days: number): Promise<readonly X509Certificate[]> {
    const validity = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + days * DAY_MS };
    const root = await createCertificate({ kind: 'authority', commonName: 'Root', ...validity }, null);
    const leaf = await createCertificate({ kind: 'server', commonName: 'dps', ...validity }, root);
    return [new X509Certificate(leaf.certificatePem)];
  }

  it('tells its version and the chain up to its root', async () => {
    const findings = connectionFindings({ ...PROBE, chain: await chain(100) }, NOW_MS);
    expect(findings.map(({ level, evidence }) => [level, evidence])).toEqual([
      ['ok', 'connected to 10.0.0.1 in 5 ms'],
      ['ok', 'TLSv1.2 in 12 ms; CN=dps < CN=Root, valid until 2026-04-11'],
    ]);
  });

  it('warns of a certificate that expires soon', async () => {
    const findings = connectionFindings({ ...PROBE, chain: await chain(13) }, NOW_MS);
    expect(findings.at(-1)).toMatchObject({ level: 'warning', evidence: 'CN=dps expires on 2026-01-14' });
  });

  it('tells what was shown where a check failed', async () => {
    const failure = { code: 'tls-unknown-ca', message: 'M' } as const;
    const findings = connectionFindings({ ...PROBE, failure, chain: await chain(100) }, NOW_MS);
    expect(findings.map(({ level }) => level)).toEqual(['ok', 'problem']);
    expect(findings[1]).toMatchObject({
      subject: 'tls',
      evidence: 'M; it presented CN=dps < CN=Root, valid until 2026-04-11',
      remedy: expect.stringContaining('--ca'),
    });
  });

  it('that could not be opened is a problem of TCP', () => {
    const failure = { code: 'tcp-refused', message: 'M' } as const;
    const findings = connectionFindings({ ...PROBE, tcpMs: null, failure }, NOW_MS);
    expect(findings).toMatchObject([{ level: 'problem', subject: 'tcp', evidence: 'M' }]);
  });
});

it('a name tells its addresses', () => {
  expect(dnsFinding('h', ['10.0.0.1', '10.0.0.2'], null)).toMatchObject({
    evidence: 'h has 2 addresses: 10.0.0.1, 10.0.0.2',
  });
  expect(dnsFinding('h', null, 'ENOTFOUND')).toMatchObject({
    level: 'problem',
    evidence: 'h has no address (ENOTFOUND)',
  });
});

it('does not call good what could not be checked', () => {
  expect(clockFinding(null)).toMatchObject({ level: 'unknown', subject: 'clock' });
  expect(unknownHubs(null)).toMatchObject([{ level: 'unknown', subject: 'hub identities' }]);
  expect(unknownHubs([])).toEqual([]);
});

it('a failure of the first device alone is a warning', () => {
  expect(connectFinding(7, null)).toMatchObject({ level: 'ok' });
  expect(connectFinding(null, 'connack-5')).toMatchObject({
    level: 'warning',
    remedy: expect.stringContaining('clock'),
  });
});

describe('an amount', () => {
  it.each([
    [101, 100, 'problem'],
    [100, 100, 'warning'],
    [91, 100, 'warning'],
    [90, 100, 'ok'],
  ])('%i of %i: %s', (needed, available, level) => {
    expect(amountFinding({ name: 'records', needed, available, remedy: 'R' }, '')).toMatchObject({ level });
  });
});

it('reports a load that asks for more than is available, with the limit that it hits', () => {
  const limit = (name: string, perMinute: number) => ({ name, perMinute, evidence: `of ${name}`, remedy: 'R' });
  const found = overloadFindings([limit('concurrency', 500), limit('load', 1_000), limit('quota', 2_000)]);
  expect(found).toMatchObject([
    { level: 'warning', subject: 'concurrency', evidence: expect.stringContaining('1,000/min') },
  ]);
  expect(overloadFindings([limit('concurrency', 500)])).toEqual([]);
  expect(overloadFindings([limit(ONE_REGISTRATION, 500), limit('load', 1_000)])).toEqual([]);
});
