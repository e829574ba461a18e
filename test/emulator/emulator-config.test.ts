import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { emulatorConfigSchema } from '../../src/emulator/config/emulator-schema.ts';
import { type EmulatorConfig, readEmulatorConfig } from '../../src/emulator/config/read-emulator-config.ts';
import { FAULT_POINTS } from '../../src/emulator/service/fault-rule.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { PERMISSIONS } from '../../src/emulator/service/shared-access-policy.ts';
import { OperatorError, type Problem } from '../../src/problem/operator-error.ts';
import { authority, deviceCertificate } from '../support/certificates.ts';
import { DEVICE_KEY, GROUP_KEY, OTHER_KEY } from '../support/emulated-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const file = join(folder, 'emulator.yaml');
const SCHEMA_FILE = new URL('../../scenarios/emulator/emulator.schema.json', import.meta.url);

beforeAll(async () => {
  mkdirSync(join(folder, 'keys'));
  writeFileSync(join(folder, 'keys', 'line-a.key'), `${GROUP_KEY}\n`);
  writeFileSync(join(folder, 'keys', 'bad.key'), 'no key');
  const root = await authority('Root');
  writeFileSync(join(folder, 'root.pem'), root.certificatePem);
  writeFileSync(join(folder, 'device.pem'), (await deviceCertificate('pump', root)).certificatePem);
});

function read(yaml: string, environment: Record<string, string> = {}): EmulatorConfig {
  writeFileSync(file, yaml);
  return readEmulatorConfig(file, environment);
}

function problemsOf(yaml: string, environment: Record<string, string> = {}): readonly Problem[] {
  try {
    read(yaml, environment);
  } catch (error) {
    if (error instanceof OperatorError) return error.problems;
    throw error;
  }
  return [];
}

const FAULTS = Object.keys(FAULT_POINTS).join(', ');

const MINIMAL = 'version: 1\ninstances:\n  - idScope: 0ne00111111\n';

describe('configuration file', () => {
  it('needs little', () => {
    const { instances, behavior, faults, seed } = read(MINIMAL);
    expect(instances).toMatchObject([{ idScope: '0ne00111111', enrollmentGroups: [], individualEnrollments: [] }]);
    expect(instances[0]?.linkedHubs).toHaveLength(3);
    expect({ behavior, faults, seed }).toEqual({ behavior: SERVICE_BEHAVIOR_DEFAULT, faults: [], seed: 1 });
  });

  it('says all that matters to a device', () => {
    const { instances, behavior, faults, seed } = read(
      `version: 1
seed: 7
behavior: { retryAfter: none, assignmentDelay: { median: 1s, p99: 20s }, operationLifetime: 1h30m, clockSkew: 5m, conflictShare: 12.5%, answerDelay: 50ms,
  disabledAnswer: unauthorized, unknownAnswer: not-found, namesEnrollmentGroup: true, grantsExactFilters: true, offersTls13: true, webhookTimeout: 2s,
  malformedUsernameCode: 5, otherApiVersions: accept, commonNameCheck: register, derivationCase: lower, otherFilters: close, otherTopics: ignore, idleTimeout: 4m,
  hubIdentityDelay: 30s, hubGroupCertificates: leaf, hubBurst: 2m, hubQueue: 10s,
  serviceApi: { missingPermission: forbidden, missingEntry: not-found, returnsCertificates: true, keysOnUpdate: renew, bulkCounts: entries, pageItemsMax: 50, bearerTokens: accept, etagHeader: true } }
instances:
  - idScope: 0ne00111111
    allocationPolicy: geoLatency
    latencyRegions:
      - { sourceAddresses: ['127.0.1.*'], latencies: { a.azure-devices.net: 20ms, b.azure-devices.net: 90ms } }
    linkedHubs:
      - { hostName: a.azure-devices.net, weight: 3, identityLimit: 100/min, sku: S1, units: 3 }
      - { hostName: b.azure-devices.net, applyAllocationPolicy: false }
    caCertificates:
      - { name: root, file: root.pem }
      - { name: doubtful, file: root.pem, verified: false }
    quotas: { register: 1000/min, pollPerDevice: 5/10s, serviceOperations: 1000/min, algorithm: sliding-window, retryAfter: exact }
    serviceHostName: contoso-dps.azure-devices-provisioning.net
    sharedAccessPolicies:
      - { name: enroller, primaryKeyFile: keys/line-a.key, secondaryKeyVariable: LINE_A, permissions: [EnrollmentRead, EnrollmentWrite] }
      - { name: owner, primaryKeyVariable: LINE_A }
    enrollmentGroups:
      - enrollmentGroupId: line-a
        attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key, secondaryKeyVariable: LINE_A } }
        provisioningStatus: disabled
        reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false }
        iotHubs: [b.azure-devices.net]
        allocationPolicy: custom
        customAllocationDefinition: { webhookUrl: 'http://localhost:1/allocate' }
        initialTwin: { tags: { line: a } }
        capabilities: { iotEdge: true }
      - { enrollmentGroupId: line-x, attestation: { x509: { caReferences: { primary: root } } } }
      - { enrollmentGroupId: line-y, attestation: { x509: { caReferences: { primary: doubtful } } } }
    individualEnrollments:
      - { registrationId: pump, deviceId: pump-7, iotHubHostName: b.azure-devices.net, attestation: { x509: { clientCertificates: { primary: device.pem } } } }
  - idScope: 0ne00222222
faults:
  - { fault: lose-answer, at: [poll], registrationIds: 'line-a-*', share: 10%, from: 30s, until: 1m, timesPerDevice: 2 }
  - { fault: error-answer, errorCode: 503000, retryAfter: 9s }
`,
      { LINE_A: OTHER_KEY },
    );
    expect(seed).toBe(7);
    expect(behavior).toEqual({
      retryAfterSeconds: null,
      assignmentDelayMs: { medianMs: 1_000, p99Ms: 20_000 },
      operationLifetimeMs: 5_400_000,
      clockSkewSeconds: 300,
      conflictShare: 0.125,
      answerDelayMs: 50,
      disabledAnswer: 'unauthorized',
      unknownAnswer: 'not-found',
      namesEnrollmentGroup: true,
      grantsExactFilters: true,
      offersTls13: true,
      webhookTimeoutMs: 2_000,
      malformedUsernameCode: 5,
      otherApiVersions: 'accept',
      commonNameCheck: 'register',
      derivationCase: 'lower',
      otherFilters: 'close',
      otherTopics: 'ignore',
      idleTimeoutMs: 240_000,
      serviceApi: {
        missingPermission: 'forbidden',
        missingEntry: 'not-found',
        returnsCertificates: true,
        keysOnUpdate: 'renew',
        bulkCounts: 'entries',
        pageItemsMax: 50,
        bearerTokens: 'accept',
        etagHeader: true,
      },
      hubIdentityDelayMs: 30_000,
      hubGroupCertificates: 'leaf',
      hubBurstMs: 120_000,
      hubQueueMs: 10_000,
    });
    const [instance, second] = instances;
    expect(second?.idScope).toBe('0ne00222222');
    expect(instance?.linkedHubs).toEqual([
      {
        hostName: 'a.azure-devices.net',
        weight: 3,
        applyAllocationPolicy: true,
        identityLimit: { algorithm: 'token-bucket', limit: 100, perMs: 60_000 },
        sku: 'S1',
        units: 3,
      },
      { hostName: 'b.azure-devices.net', weight: 1, applyAllocationPolicy: false, identityLimit: null },
    ]);
    expect(instance?.allocationPolicy).toBe('geoLatency');
    expect(instance?.latencyRegions).toEqual([
      {
        sourceAddresses: ['127.0.1.*'],
        registrationIds: [],
        latenciesMs: { 'a.azure-devices.net': 20, 'b.azure-devices.net': 90 },
      },
    ]);
    expect(instance?.quotas).toEqual({
      register: { algorithm: 'sliding-window', limit: 1000, perMs: 60_000 },
      pollPerDevice: { algorithm: 'sliding-window', limit: 5, perMs: 10_000 },
      serviceOperations: { algorithm: 'sliding-window', limit: 1000, perMs: 60_000 },
      retryAfterSeconds: 'exact',
    });
    expect(instance?.serviceHostName).toBe('contoso-dps.azure-devices-provisioning.net');
    expect(second?.serviceHostName).toBe('emulated-0ne00222222.azure-devices-provisioning.net');
    expect(instance?.sharedAccessPolicies).toEqual([
      {
        name: 'enroller',
        primaryKey: GROUP_KEY,
        secondaryKey: OTHER_KEY,
        permissions: ['EnrollmentRead', 'EnrollmentWrite'],
      },
      { name: 'owner', primaryKey: OTHER_KEY, secondaryKey: null, permissions: PERMISSIONS },
    ]);
    expect(instance?.uploadedCas).toMatchObject({ root: {}, doubtful: null });
    expect(instance?.caCertificates).toHaveLength(1);
    expect(instance?.enrollmentGroups).toMatchObject([
      {
        enrollmentGroupId: 'line-a',
        attestation: { kind: 'symmetricKey', primaryKey: GROUP_KEY, secondaryKey: OTHER_KEY },
        provisioningStatus: 'disabled',
        reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false },
        iotHubs: ['b.azure-devices.net'],
        allocationPolicy: 'custom',
        customAllocationDefinition: { webhookUrl: 'http://localhost:1/allocate', apiVersion: '2018-09-01-preview' },
        initialTwin: { tags: { line: 'a' } },
        capabilities: { iotEdge: true },
      },
      {
        enrollmentGroupId: 'line-x',
        attestation: { kind: 'x509', use: 'signing', certificates: [{}], caReferences: ['root'] },
      },
      { enrollmentGroupId: 'line-y', attestation: { kind: 'x509', use: 'signing', certificates: [] } },
    ]);
    expect(instance?.individualEnrollments).toMatchObject([
      {
        registrationId: 'pump',
        deviceId: 'pump-7',
        iotHubs: ['b.azure-devices.net'],
        attestation: { kind: 'x509', use: 'client' },
      },
    ]);
    expect(faults).toEqual([
      {
        fault: { kind: 'lose-answer' },
        points: ['poll'],
        registrationIds: 'line-a-*',
        share: 0.1,
        fromMs: 30_000,
        untilMs: 60_000,
        timesPerDevice: 2,
      },
      {
        fault: { kind: 'error-answer', errorCode: 503000, retryAfterSeconds: 9 },
        points: ['register', 'poll'],
        registrationIds: null,
        share: 1,
        fromMs: 0,
        untilMs: null,
        timesPerDevice: null,
      },
    ]);
  });

  it('lists everything that is wrong, each with its place', () => {
    const problems = problemsOf(`version: 2
instances:
  - idScope: nonsense
    linkedhubs: []
    enrollmentGroups:
      - enrollmentGroupId: line-a
faults:
  - { fault: lose-answr }
  - { fault: slow-connack }
  - { fault: lose-answer, share: 200% }
`);
    expect(problems.map(({ line, message }) => [line, message])).toEqual([
      [1, 'version must be 1'],
      [3, expect.stringContaining('does not look like an ID scope')],
      [4, 'unknown key "linkedhubs" in instances.0'],
      [6, 'instances.0.enrollmentGroups.0.attestation is missing'],
      [8, 'faults.0.fault names no fault'],
      [9, 'faults.1.delay must be a duration such as 200ms, 3s, 20m or 1h30m'],
      [10, 'faults.2.share must be a share such as 10% or 0.5%, at most 100%'],
    ]);
    const correct = 'Correct the value';
    expect(problems.map(({ remedy }) => remedy)).toEqual([
      ...[correct, correct],
      'Write linkedHubs',
      'Choose keys from symmetricKey, x509',
      `Write lose-answer, or another of ${FAULTS}`,
      ...[correct, correct],
    ]);
    expect(problems.filter((one) => one.file !== file || one.column === null)).toEqual([]);
  });

  it.each([
    ['5\n', 'must be a mapping', 'Choose keys from version, instances, behavior, seed, faults'],
    [
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, attestation: 5 }]\n`,
      'instances.0.enrollmentGroups.0.attestation must be a mapping',
      'Choose keys from symmetricKey, x509',
    ],
    [
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, initialTwin: 5, attestation: { x509: { caReferences: { primary: x } } } }]\n`,
      'instances.0.enrollmentGroups.0.initialTwin must be a mapping',
      'Correct the value',
    ],
    [`${MINIMAL}faults: [5]\n`, 'faults.0 names no fault', 'Correct the value'],
    [`${MINIMAL}faults: [{ at: [poll] }]\n`, 'faults.0.fault names no fault', `Choose one of ${FAULTS}`],
    [`${MINIMAL}faults: [{ fault: chaos }]\n`, 'faults.0.fault names no fault', `Choose one of ${FAULTS}`],
  ])('says what keys a mapping has only where they are known: %j', (yaml, message, remedy) => {
    expect(problemsOf(yaml)).toEqual([expect.objectContaining({ message, remedy })]);
  });

  it.each<[name: string, yaml: string, message: RegExp]>([
    ['a scope twice', `${MINIMAL}  - idScope: 0ne00111111\n`, /instances\.1 repeats the ID scope 0ne00111111/],
    [
      'a hub that is not linked',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, iotHubs: [x.net], attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key } } }]\n`,
      /names x\.net, which is not a linked hub/,
    ],
    [
      'no attestation',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, attestation: {} }]\n`,
      /must have exactly one of the keys symmetricKey, x509/,
    ],
    [
      'no primary key',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, attestation: { symmetricKey: {} } }]\n`,
      /has no primary key/,
    ],
    [
      'a bad key',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, attestation: { symmetricKey: { primaryKeyFile: keys/bad.key } } }]\n`,
      /primaryKeyFile names a key that is not base64/,
    ],
    [
      'a variable that is not set',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, attestation: { symmetricKey: { primaryKeyVariable: NONE } } }]\n`,
      /primaryKeyVariable names a key that is empty/,
    ],
    [
      'an unknown CA',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, attestation: { x509: { caReferences: { primary: x } } } }]\n`,
      /names "x", which is not a CA certificate/,
    ],
    [
      'no certificate file',
      `${MINIMAL}    caCertificates: [{ name: a, file: nowhere.pem }, { name: b, file: keys/line-a.key }]\n`,
      /names nowhere\.pem, which cannot be read \(ENOENT\)/,
    ],
    [
      'registration IDs twice, in another case',
      `${MINIMAL}    individualEnrollments:
      - { registrationId: a, attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key } } }
      - { registrationId: A, attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key } } }\n`,
      /individualEnrollments\.1 repeats the registration ID A/,
    ],
    [
      'a fault at an impossible point',
      `${MINIMAL}faults: [{ fault: lose-suback, at: [poll] }]\n`,
      /at\.0 is poll, but lose-suback cannot strike there/,
    ],
    [
      'static without its hub',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, allocationPolicy: static, attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key } } }]\n`,
      /is static, which needs exactly one hub/,
    ],
    [
      'static of the instance without its hub',
      `${MINIMAL}    allocationPolicy: static\n    enrollmentGroups: [{ enrollmentGroupId: a, attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key } } }]\n`,
      /is static, which needs exactly one hub/,
    ],
    [
      'two ways to name hubs',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, iotHubHostName: emulated-hub-1.azure-devices.net, iotHubs: [], attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key } } }]\n`,
      /iotHubHostName is given together with iotHubs/,
    ],
    [
      'custom without its webhook',
      `${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, allocationPolicy: custom, attestation: { symmetricKey: { primaryKeyFile: keys/line-a.key } } }]\n`,
      /custom and customAllocationDefinition must be given together/,
    ],
    [
      'a 99th percentile below the median',
      `${MINIMAL}behavior: { answerDelay: { median: 2s, p99: 1s } }\n`,
      /must have a median above 0, and a p99 that is not below the median/,
    ],
    ['a delay of another form', `${MINIMAL}behavior: { answerDelay: fast }\n`, /must be a duration such as 200ms/],
    [
      'units of no tier',
      'version: 1\ninstances: [{ idScope: 0ne00111111, linkedHubs: [{ hostName: a.b, units: 2 }] }]\n',
      /units is given without sku/,
    ],
    [
      'an unknown tier',
      'version: 1\ninstances: [{ idScope: 0ne00111111, linkedHubs: [{ hostName: a.b, sku: F1 }] }]\n',
      /must be S1, S2 or S3/,
    ],
    [
      'a fault at a hub that strikes only the service',
      `${MINIMAL}faults: [{ fault: retry-after, value: none, at: [hub-twin] }]\n`,
      /hub-twin, but retry-after cannot strike there/,
    ],
    ['an empty time', `${MINIMAL}faults: [{ fault: stall, from: 2s, until: 1s }]\n`, /until is not after from/],
    [
      'an ID before CONNECT',
      `${MINIMAL}faults: [{ fault: refuse-tls, registrationIds: a }]\n`,
      /registrationIds cannot match before CONNECT/,
    ],
    ['no YAML', 'version: [1\n', /is not valid YAML/],
  ])('%s', (_, yaml, message) => {
    expect(problemsOf(yaml).map((one) => one.message)).toContainEqual(expect.stringMatching(message));
  });

  it('lets a rule for certain devices strike only after the handshake', () => {
    const { faults } = read(`${MINIMAL}faults: [{ fault: outage, registrationIds: 'a*' }]\n`);
    expect(faults[0]?.points).toEqual(['open', 'connect', 'subscribe', 'register', 'poll']);
  });

  it('lets a fault strike at a hub where a rule names a point there, and nowhere else by default', () => {
    const { faults } = read(
      `${MINIMAL}faults: [{ fault: disconnect }, { fault: disconnect, at: [hub-connect, hub-telemetry] }]\n`,
    );
    expect(faults.map(({ points }) => points)).toEqual([
      ['connect', 'subscribe', 'register', 'poll'],
      ['hub-connect', 'hub-telemetry'],
    ]);
  });

  it('never quotes a key', () => {
    const problems = problemsOf(`${MINIMAL}    enrollmentGroups: [{ enrollmentGroupId: a, key: ${DEVICE_KEY} }]\n`);
    expect(JSON.stringify(problems)).not.toContain(DEVICE_KEY);
  });

  it('knows every fault', () => {
    const known = JSON.stringify(emulatorConfigSchema());
    for (const kind of Object.keys(FAULT_POINTS)) expect(known).toContain(`"const":"${kind}"`);
  });

  it('has an example', () => {
    const example = fileURLToPath(new URL('factory.yaml', SCHEMA_FILE));
    const { instances, faults } = readEmulatorConfig(example, { LINE_A_KEY: GROUP_KEY, PUMP_KEY: DEVICE_KEY });
    expect(instances).toHaveLength(1);
    expect(faults).not.toHaveLength(0);
  });

  it('has its JSON Schema published', () => {
    expect(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'))).toEqual(emulatorConfigSchema());
  });
});
