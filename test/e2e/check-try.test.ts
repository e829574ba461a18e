import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENROLLMENT_DEFAULTS, type EnrollmentGroup } from '../../src/emulator/service/dps-instance.ts';
import type { CheckReport } from '../../src/preflight/check-run.ts';
import { authority, deviceCertificate, x509Group } from '../support/certificates.ts';
import { dpsload, startDpsload } from '../support/dpsload-program.ts';
import { emulatedInstance, GROUP_KEY, OTHER_KEY, SECONDARY_KEY } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);
const started: TestEmulator[] = [];

afterAll(async () => {
  for (const emulator of started) await emulator.close();
});

beforeAll(() => {
  writeFileSync(
    path('fleet.csv'),
    'registration_id,group,expected_hub\na-1,line-a,\na-2,line-a,\nb-1,line-b,elsewhere.azure-devices.net\nb-2,line-b,\n',
  );
  writeFileSync(path('a.key'), GROUP_KEY);
  writeFileSync(path('b.key'), OTHER_KEY);
  writeFileSync(path('wrong.key'), SECONDARY_KEY);
  for (const [name, key] of [
    ['good', 'b.key'],
    ['bad', 'wrong.key'],
  ] as const) {
    writeFileSync(
      path(`${name}.yaml`),
      `version: 1\nattestation: { groups: { line-a: { keyFile: a.key }, line-b: { keyFile: ${key} }, line-c: { keyFile: a.key } } }\n`,
    );
  }
});

function group(enrollmentGroupId: string, primaryKey: string): EnrollmentGroup {
  const attestation = { kind: 'symmetricKey', primaryKey, secondaryKey: null } as const;
  return { ...ENROLLMENT_DEFAULTS, kind: 'group', enrollmentGroupId, attestation };
}

const LINES = [group('line-a', GROUP_KEY), group('line-b', OTHER_KEY)];

async function emulatorWith(
  enrollmentGroups: readonly EnrollmentGroup[] = LINES,
  options: Parameters<typeof startTestEmulator>[0] = {},
): Promise<TestEmulator> {
  const instances = [emulatedInstance({ enrollmentGroups })];
  const emulator = await startTestEmulator({ instances, ...options });
  started.push(emulator);
  return emulator;
}

const target = (emulator: TestEmulator, host = 'localhost'): readonly string[] => [
  ...targetArgs(emulator, host),
  ...['--server-name', 'localhost'],
];

async function check(...args: readonly string[]) {
  const { code, stdout, stderr } = await dpsload(['check', path('fleet.csv'), ...args, '--json']);
  const report = (stdout === '' ? { findings: [], tried: null } : JSON.parse(stdout)) as CheckReport;
  const found = report.findings.map(({ level, subject, evidence }) => `${level} ${subject}: ${evidence}`);
  return { code, stderr, found, tried: report.tried };
}

describe.concurrent('check --try', () => {
  it('registers the first devices of each group, and so proves their keys; without it they are unproven', async () => {
    const emulator = await emulatorWith();
    const options = [...target(emulator), '-s', path('good.yaml')];
    const dry = await check(...options);
    expect([dry.code, dry.tried, emulator.counters.registrationAttempts]).toEqual([0, null, 0]);
    expect(dry.found).toContainEqual(
      expect.stringMatching(/^unknown group keys: not proven for "line-a", "line-b", "line-c"/),
    );
    const ran = await check(...options, '--try', '1');
    expect(ran.code).toBe(0);
    expect(ran.tried).toMatchObject([
      { registrationId: 'a-1', group: 'line-a', registered: 'yes', result: 'assigned' },
      { registrationId: 'b-1', group: 'line-b', registered: 'yes', result: 'assigned' },
    ]);
    expect(emulator.counters.registrationAttempts).toBe(2);
    expect(ran.found.filter((text) => /(ok|problem) registration:|group keys|allocation/.test(text))).toEqual([
      'unknown group keys: not proven for "line-c": no device with such a key was registered',
      expect.stringMatching(/^ok registration: group "line-a": a-1 assigned to \S+$/),
      expect.stringMatching(/^ok registration: group "line-b": b-1 assigned to \S+$/),
      expect.stringMatching(/^warning allocation: b-1 was assigned to \S+ instead of elsewhere\.azure-devices\.net$/),
    ]);
  });

  it('says plainly which devices are registered now', async () => {
    const emulator = await emulatorWith();
    const { stdout } = await dpsload([
      'check',
      path('fleet.csv'),
      ...target(emulator),
      '-s',
      path('good.yaml'),
      '--try',
      '1',
    ]);
    expect(stdout).toMatch(/^2 devices are registered now: a-1, b-1\. A run registers them again, which is billed/m);
    expect(stdout).not.toContain('Nothing was registered');
  });

  it('ends with 2 for a key that is wrong', async () => {
    const { code, found, tried } = await check(...target(await emulatorWith()), '-s', path('bad.yaml'), '--try', '2');
    expect(code).toBe(2);
    expect(found).toContain('problem group keys: group "line-b": b-1, b-2 refused: 401000 Unauthorized');
    expect(tried?.map(({ registered }) => registered)).toEqual(['yes', 'yes', 'no', 'no']);
  });

  it('ends with 2 for a certificate of another CA', async () => {
    const [root, other] = [await authority('Root'), await authority('Other Root')];
    const { certificatePem, privateKeyPem } = await deviceCertificate('unit-1', other);
    writeFileSync(path('unit-1.pem'), certificatePem);
    writeFileSync(path('unit-1.key'), privateKeyPem);
    writeFileSync(path('x509.csv'), 'registration_id,cert_file,key_file\nunit-1,unit-1.pem,unit-1.key\n');
    const emulator = await emulatorWith([x509Group('all', root)]);
    const options = ['--attestation', 'x509', '--try', '1', '--json'];
    const { code, stdout } = await dpsload(['check', path('x509.csv'), ...target(emulator), ...options]);
    expect(code).toBe(2);
    const { findings } = JSON.parse(stdout) as CheckReport;
    expect(findings.filter(({ level }) => level === 'problem')).toMatchObject([
      { subject: 'certificates', evidence: expect.stringMatching(/^devices without a group: unit-1 refused: 401002/) },
    ]);
  });

  it('ends with 4 for what the target cannot do', async () => {
    const faults = [
      faultRule({ kind: 'fail-assignment', errorCode: 400207, errorMessage: 'M' }, { registrationIds: 'b*' }),
    ];
    const emulator = await emulatorWith(LINES, { faults });
    const { code, found } = await check(...target(emulator), '-s', path('good.yaml'), '--try', '1');
    expect(code).toBe(4);
    expect(found).toContainEqual(expect.stringMatching(/^problem registration: group "line-b": b-1 failed: 400207/));
  });

  it('registers nothing where it already knows a problem', async () => {
    const emulator = await emulatorWith();
    const out = ['--out', path('fleet.csv')];
    const { code, found, tried } = await check(...target(emulator), '-s', path('good.yaml'), ...out, '--try', '1');
    expect([code, tried, emulator.counters.registrationAttempts]).toEqual([2, [], 0]);
    expect(found.at(-1)).toMatch(/^unknown registration: no device was tried/);
  });

  it('asks before it registers at a real service, naming target and number', async () => {
    const emulator = await emulatorWith();
    // Reaches this machine, but is not one of the loopback names.
    const options = [...target(emulator, '0.0.0.0'), '-s', path('good.yaml'), '--try', '2'];
    const asked = await check(...options);
    expect([asked.code, emulator.counters.registrationAttempts]).toEqual([2, 0]);
    expect(asked.stderr).toMatch(
      /0\.0\.0\.0, ID scope 0ne00111111: registers 4 devices of 2 groups, at least 4 billed register requests.*--yes/,
    );
    expect((await check(...options, '--yes')).code).toBe(0);
    expect(emulator.counters.registrationAttempts).toBe(4);
  });

  it('starts the emulator if that is the target', async () => {
    const args = ['check', path('fleet.csv'), '--emulator', '-s', path('good.yaml'), '--try', '1'];
    const { code, stdout } = await dpsload(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 devices registered with the emulator, which has ended\.$/m);
  });

  it('keeps to the quota', async () => {
    const emulator = await emulatorWith();
    const startedAtMs = performance.now();
    const quota = ['--quota', '60/min', '--quota-share', '100%'];
    expect((await check(...target(emulator), '-s', path('good.yaml'), ...quota, '--try', '2')).code).toBe(0);
    // Four devices, one a second.
    expect(performance.now() - startedAtMs).toBeGreaterThan(3_000);
  });

  it('keeps to retry-after, and to the governor for those that follow', async () => {
    const faults = [
      faultRule(
        { kind: 'error-answer', errorCode: 429001, retryAfterSeconds: 3 },
        { timesPerDevice: 1, registrationIds: 'a-1' },
      ),
    ];
    const emulator = await emulatorWith(LINES, { faults });
    const startedAtMs = performance.now();
    const { code, tried } = await check(...target(emulator), '-s', path('good.yaml'), '--try', '1');
    expect([code, tried?.map(({ registered }) => registered)]).toEqual([0, ['yes', 'yes']]);
    expect(performance.now() - startedAtMs).toBeGreaterThan(3_000);
  });

  it('stops at Ctrl-C, and says what was not tried', async () => {
    const emulator = await emulatorWith();
    const quota = ['--quota', '6/min', '--quota-share', '100%'];
    const args = [
      'check',
      path('fleet.csv'),
      ...target(emulator),
      '-s',
      path('good.yaml'),
      ...quota,
      '--try',
      '2',
      '--json',
    ];
    const program = startDpsload(args);
    while (emulator.counters.registrationAttempts === 0) await setTimeout(50);
    program.child.kill('SIGINT');
    const { code, stdout } = await program.ended;
    expect(code).toBe(130);
    const { tried } = JSON.parse(stdout) as CheckReport;
    expect(tried?.map(({ result }) => result)).toEqual(['assigned', 'not-started', 'not-started', 'not-started']);
  });
});
