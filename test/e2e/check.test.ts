import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authority, deviceCertificate, EXPIRED } from '../support/certificates.ts';
import { dpsload, type Ended } from '../support/dpsload-program.ts';
import { GROUP_KEY, ID_SCOPE } from '../support/emulated-instance.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);
let emulator: TestEmulator;

beforeAll(async () => {
  emulator = await startTestEmulator();
  writeFileSync(path('fleet.csv'), 'registration_id\ndev-1\ndev-2\nDev-3\n');
});

afterAll(() => emulator.close());

type Found = { readonly level: string; readonly subject: string; readonly evidence: string };

function check(...args: readonly string[]): Promise<Ended> {
  return dpsload(['check', path('fleet.csv'), ...args], { env: { DPSLOAD_GROUP_KEY: GROUP_KEY } });
}

const target = (port = emulator.port, idScope = ID_SCOPE): readonly string[] =>
  targetArgs({ port, idScope, caFile: emulator.caFile }, 'localhost');

async function findings(...args: readonly string[]): Promise<{ code: number | null; found: readonly Found[] }> {
  const { code, stdout } = await check(...args, '--json');
  return { code, found: (JSON.parse(stdout) as { findings: Found[] }).findings };
}

const problems = (found: readonly Found[]): readonly string[] =>
  found.filter(({ level }) => level === 'problem').map(({ subject }) => subject);

describe('a target that can be used', () => {
  it('is looked at from its name to CONNECT, and nothing is registered', async () => {
    const { code, found } = await findings(...target());
    expect([code, problems(found)]).toEqual([0, []]);
    const levels = Object.fromEntries(found.map(({ subject, level }) => [subject, level]));
    expect(levels).toMatchObject({ dns: 'ok', tcp: 'ok', tls: 'ok', clock: 'unknown', mqtt: 'ok', fleet: 'warning' });
    expect(found.find(({ subject }) => subject === 'tls')?.evidence).toMatch(
      /TLSv1\.2.*CN=localhost < CN=dpsload emulator intermediate CA < CN=dpsload emulator CA/,
    );
    expect(emulator.counters).toMatchObject({ connectsAccepted: 1, registrationAttempts: 0 });
  });

  it('is looked at where --resolve has it', async () => {
    const pinned = (...others: readonly string[]): readonly string[] => [
      ...target().with(1, 'nowhere.invalid'),
      '--resolve',
      `nowhere.invalid:${emulator.port}:127.0.0.1`,
      ...others,
    ];
    const { code, found } = await findings(...pinned('--server-name', 'localhost'));
    expect([code, problems(found)]).toEqual([0, []]);
    expect(found.find(({ subject }) => subject === 'dns')?.evidence).toBe(
      'nowhere.invalid is at 127.0.0.1, as given with --resolve: not looked up',
    );
    // Its certificates are read there too when they are refused.
    const refused = await findings(...pinned());
    expect(problems(refused.found)).toEqual(['tls']);
    expect(refused.found.find(({ subject }) => subject === 'tls')?.evidence).toMatch(/it presented .*CN=localhost/);
  });

  it('names the limit that binds, with hours and billed calls', async () => {
    const { code, stdout } = await check(...target(), '--quota', '1/min', '--quota-share', '50%');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Binding limit: quota, 0\.50\/min \(50% of 1\.00\/min/);
    expect(stdout).toMatch(/3 registrations take about 4 min 3 s, 4 min 0 s until the last launch\./);
    expect(stdout).toMatch(/At least 3 billed register requests/);
    expect(stdout).toMatch(/Nothing was registered\./);
    const unmetered = await check(...target());
    expect(unmetered.stdout).toMatch(/Binding limit: one registration, 60\/min \(all 3 in flight at once/);
    expect(unmetered.stdout).toMatch(/3 registrations take about 3 s, 0 s until the last launch\./);
  });
});

const CHAIN_UNKNOWN = expect.stringMatching(/^unknown .*--enrollment-ca/);

describe('a problem is named, and ends with 4, or with 2 when it is of this side', () => {
  it.each<[subject: string, args: () => readonly string[]]>([
    ['dns', () => ['--host', 'no-such-host.invalid', '--id-scope', ID_SCOPE]],
    ['tcp', () => target(9)],
    ['tls', () => [...target(), '--server-name', 'elsewhere.example']],
    ['mqtt', () => target(emulator.port, '0neFFFFFFFF')],
    ['records', () => [...target(), '--existing-records', '999998']],
  ])('%s', async (subject, args) => {
    const { code, found } = await findings(...args());
    expect([code, problems(found)]).toEqual([4, [subject]]);
  });

  it('output folder of this side ends with 2', async () => {
    const { code, found } = await findings(...target(), '--out', path('fleet.csv/results'));
    expect([code, problems(found)]).toEqual([2, ['output folder']]);
  });

  it('certificates of another CA, or all expired', async () => {
    const [root, other] = [await authority('Root'), await authority('Other Root')];
    writeFileSync(path('root.pem'), root.certificatePem);
    writeFileSync(path('other-root.pem'), other.certificatePem);
    const fleetOf = async (name: string, validity: typeof EXPIRED | undefined) => {
      const { certificatePem, privateKeyPem } = await deviceCertificate(name, root, validity);
      writeFileSync(path(`${name}.pem`), certificatePem);
      writeFileSync(path(`${name}.key`), privateKeyPem);
      writeFileSync(path(`${name}.csv`), `registration_id,cert_file,key_file\n${name},${name}.pem,${name}.key\n`);
      return ['check', path(`${name}.csv`), ...target(), '--attestation', 'x509'];
    };
    const good = await fleetOf('fine', undefined);
    expect((await dpsload([...good, '--enrollment-ca', path('root.pem')])).code).toBe(0);
    const wrong = await dpsload([...good, '--enrollment-ca', path('other-root.pem')]);
    expect(wrong.code).toBe(2);
    expect(wrong.stdout).toMatch(/the link from CN=fine to its issuer CN=Root is missing/);
    const expired = await dpsload(await fleetOf('stale', EXPIRED));
    expect(expired.code).toBe(2);
    expect(expired.stdout).toMatch(/1 of 1 certificate is unusable/);
    const unusable = ['fine.key', 'none.pem'].flatMap((name) => ['--enrollment-ca', path(name)]);
    const unreadable = await dpsload(['check', path('none.csv'), ...target(), '--attestation', 'x509', ...unusable]);
    expect([unreadable.code, unreadable.stderr]).toEqual([
      2,
      expect.stringMatching(/fine\.key: .*no readable PEM certificate.*none\.pem: .*none\.csv: /s),
    ]);
    const { code, stderr } = await check(...target(), '--enrollment-ca', path('root.pem'));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--enrollment-ca is only for X\.509/)]);
  });

  it('certificates, each with its line', async () => {
    const root = await authority('Root');
    const rows: string[] = [];
    for (const [id, commonName, validity] of [
      ['good', 'good', undefined],
      ['borrowed', 'good', undefined],
      ['expired', 'expired', EXPIRED],
      ['half', 'half', undefined],
    ] as const) {
      const { certificatePem, privateKeyPem } = await deviceCertificate(commonName, root, validity);
      writeFileSync(path(`${id}.pem`), certificatePem);
      writeFileSync(path(`${id}.key`), id === 'half' ? root.privateKeyPem : privateKeyPem);
      rows.push(`${id},${id}.pem,${id}.key`);
    }
    writeFileSync(path('x509.csv'), ['registration_id,cert_file,key_file', ...rows].join('\n'));
    const args = ['check', path('x509.csv'), ...target(), '--attestation', 'x509', '--json'];
    const { code, stdout } = await dpsload(args);
    const found = (JSON.parse(stdout) as { findings: Found[] }).findings.filter(
      ({ subject }) => subject === 'certificates',
    );
    expect(code).toBe(2);
    expect(found.map(({ level, evidence }) => `${level} ${evidence.replace(/^.*csv:/, 'line ')}`)).toEqual([
      'problem 3 of 4 certificates are unusable',
      expect.stringMatching(/^problem line 3: .*is for "good"/),
      expect.stringMatching(/^problem line 4: the certificate expired/),
      expect.stringMatching(/^problem line 5: the key/),
      CHAIN_UNKNOWN,
    ]);
  });

  it('certificates only of rows that the run registers', async () => {
    const { certificatePem, privateKeyPem } = await deviceCertificate('good', await authority('Root'));
    writeFileSync(path('good.pem'), certificatePem);
    writeFileSync(path('good.key'), privateKeyPem);
    const rows = ['good', 'twice', 'Twice', 'other'].map((id) => `${id},good.pem,good.key`);
    writeFileSync(path('partly.csv'), ['registration_id,cert_file,key_file', ...rows].join('\n'));
    writeFileSync(path('only.csv'), 'registration_id\nother\n');
    const skipping = ['--attestation', 'x509', '--on-bad-row', 'skip', '--json'];
    const of = async (...args: readonly string[]) => {
      const { code, stdout } = await dpsload(['check', path('partly.csv'), ...target(), ...skipping, ...args]);
      const { findings: found } = JSON.parse(stdout) as { findings: Found[] };
      const evidence = found.filter(({ subject }) => subject === 'fleet' || subject === 'certificates');
      return [code, ...evidence.map((finding) => `${finding.level} ${finding.evidence.replaceAll(`${folder}/`, '')}`)];
    };
    const fleet = 'warning partly.csv: 2 rows usable, 2 rejected';
    const taken = '; --only, --exclude or --limit selects 1';
    const other = expect.stringMatching(/^problem partly.csv:5: .*is for "good"/);
    expect(await of()).toEqual([2, fleet, 'problem 1 of 2 certificates is unusable', other, CHAIN_UNKNOWN]);
    expect(await of('--limit', '1')).toEqual([
      0,
      `${fleet}${taken}`,
      'ok 1 certificate checked, all usable',
      CHAIN_UNKNOWN,
    ]);
    expect(await of('--only', path('only.csv'))).toEqual([
      2,
      `${fleet}${taken}`,
      'problem 1 of 1 certificate is unusable',
      other,
      CHAIN_UNKNOWN,
    ]);
  });
});

it('files and flags that cannot be used end with 2', async () => {
  const { code, stderr } = await check(...target(), '--hubs', 'a=S9:1', '--existing-records', 'many');
  expect(code).toBe(2);
  expect(stderr).toMatch(/--hubs "a=S9:1" is not a list of hubs/);
  expect(stderr).toMatch(/--existing-records "many" is not/);
});
