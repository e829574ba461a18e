import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AttestationBody, IndividualEnrollmentBody } from '../../src/dps/service-api.ts';
import { differencesOf } from '../../src/enroll/compare-entries.ts';
import { createTestCa } from '../support/test-certificates.ts';

const KEYS = { primaryKey: 'AAAA', secondaryKey: 'BBBB' };
const WANTED: IndividualEnrollmentBody = {
  registrationId: 'dev-1',
  attestation: { type: 'symmetricKey', symmetricKey: KEYS },
  provisioningStatus: 'enabled',
  capabilities: { iotEdge: false },
  reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: true },
};
const FOUND: IndividualEnrollmentBody = { registrationId: 'dev-1', attestation: { type: 'symmetricKey' } };
const HELD: AttestationBody = { type: 'symmetricKey', symmetricKey: KEYS };

describe('an entry that was found', () => {
  it.each<[string, Partial<IndividualEnrollmentBody>, Partial<IndividualEnrollmentBody>]>([
    ['without members that have defaults', {}, {}],
    [
      'with everything that the service fills in',
      {},
      {
        ...WANTED,
        attestation: FOUND.attestation,
        etag: 'x',
        allocationPolicy: 'hashed',
        iotHubs: [],
        deviceId: 'dev-1',
        initialTwin: { tags: {}, properties: { desired: {} } },
        createdDateTimeUtc: 'x',
        lastUpdatedDateTimeUtc: 'y',
        optionalDeviceInformation: { a: 1 },
      },
    ],
    [
      'with counters in its twin',
      { initialTwin: { tags: { a: 1 } } },
      { initialTwin: { tags: { a: 1, version: 3, count: 1, metadata: {} }, properties: { desired: { $version: 1 } } } },
    ],
    [
      'with hubs in another order and case',
      { iotHubs: ['a', 'b'], allocationPolicy: 'hashed' },
      { iotHubs: ['B', 'a'], allocationPolicy: 'hashed' },
    ],
    [
      'with the hub of its device in the old form',
      {},
      { iotHubHostName: 'h', registrationState: { assignedHub: 'h' } as never },
    ],
    [
      'with one hub in the old form',
      { iotHubs: ['h'], allocationPolicy: 'static' },
      { iotHubHostName: 'h', allocationPolicy: 'static' },
    ],
    ['with a webhook that it does not use', {}, { customAllocationDefinition: { webhookUrl: 'u', apiVersion: 'v' } }],
    [
      'with nulls as the CLI shows them',
      {},
      {
        iotHubs: null as never,
        initialTwin: null as never,
        deviceId: null as never,
        iotHubHostName: null as never,
        customAllocationDefinition: null as never,
        capabilities: null as never,
      },
    ],
  ])('%s is the same', (_, wanted, found) => {
    expect(differencesOf({ ...WANTED, ...wanted }, { ...FOUND, ...found }, HELD)).toEqual([]);
  });

  it.each<[string, Partial<IndividualEnrollmentBody>, Partial<IndividualEnrollmentBody>]>([
    ['device ID: dev-2 instead of dev-1', {}, { deviceId: 'dev-2' }],
    ['device ID: dev-1 instead of DEV-1', { deviceId: 'DEV-1' }, {}],
    ['status: disabled instead of enabled', {}, { provisioningStatus: 'disabled' }],
    ['IoT Edge: yes instead of no', {}, { capabilities: { iotEdge: true } }],
    [
      're-provisioning: never instead of migrate',
      {},
      { reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false } },
    ],
    ['allocation policy: hashed instead of static', { allocationPolicy: 'static' }, { allocationPolicy: 'hashed' }],
    ['hubs: b instead of a', { iotHubs: ['a'] }, { iotHubs: ['b'] }],
    ['hubs: b instead of none', {}, { iotHubHostName: 'b' }],
    [
      'allocation webhook',
      {},
      { allocationPolicy: 'custom', customAllocationDefinition: { webhookUrl: 'u', apiVersion: 'v' } },
    ],
    ['initial tags', { initialTwin: { tags: { version: 2 } } }, { initialTwin: { tags: {} } }],
    ['initial desired properties', {}, { initialTwin: { properties: { desired: { a: { b: 1 } } } } }],
  ])('differs: %s', (difference, wanted, found) => {
    expect(differencesOf({ ...WANTED, ...wanted }, { ...FOUND, ...found }, HELD)).toEqual([difference]);
  });
});

describe('keys', () => {
  it('differ by role, and are never shown', () => {
    const other = { type: 'symmetricKey', symmetricKey: { primaryKey: 'CCCC', secondaryKey: 'BBBB' } } as const;
    expect(differencesOf(WANTED, FOUND, other)).toEqual(['primary key']);
    const tpm = { type: 'tpm', tpm: { endorsementKey: 'DDDD' } } as const;
    expect(differencesOf(WANTED, FOUND, tpm)).toEqual(['attestation: tpm instead of symmetricKey']);
  });

  it('that the service should generate may be any', () => {
    expect(differencesOf({ ...WANTED, attestation: { type: 'symmetricKey' } }, FOUND, HELD)).toEqual([]);
  });
});

describe('certificates', () => {
  let [pem, otherPem] = ['', ''];
  const withCertificate = (certificate: string): AttestationBody => ({
    type: 'x509',
    x509: { clientCertificates: { primary: { certificate } } },
  });

  beforeAll(async () => {
    [pem, otherPem] = [(await createTestCa('dev-1')).certPem, (await createTestCa('dev-1')).certPem];
  });

  it('are the same by their thumbprint, in each form', () => {
    const { raw } = new X509Certificate(pem);
    const sha256Thumbprint = createHash('sha256').update(raw).digest('hex').toUpperCase();
    const info = {
      type: 'x509',
      x509: { clientCertificates: { primary: { info: { sha256Thumbprint } as never } } },
    } as const;
    const wanted = { ...WANTED, attestation: withCertificate(pem) };
    for (const found of [info, withCertificate(pem), withCertificate(raw.toString('base64'))]) {
      expect(differencesOf(wanted, { ...FOUND, attestation: found }, found)).toEqual([]);
    }
    for (const found of [withCertificate(otherPem), withCertificate('nonsense'), { type: 'x509' } as const]) {
      expect(differencesOf(wanted, { ...FOUND, attestation: found }, found)).toEqual(['certificate']);
    }
  });
});
