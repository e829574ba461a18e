import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { authority, deviceCertificate, parsed, x509Attestation } from '../support/certificates.ts';
import { connectedDevice } from '../support/connected-device.ts';
import {
  DEVICE_KEY,
  emulatedInstance,
  GROUP_KEY,
  ID_SCOPE,
  individualEnrollment,
  OTHER_KEY,
} from '../support/emulated-instance.ts';
import { type CallerOptions, ServiceApiCaller } from '../support/service-api-caller.ts';

const HUB = 'emulated-hub-1.azure-devices.net';
const KEYS = { primaryKey: DEVICE_KEY, secondaryKey: OTHER_KEY };

const individual = (registrationId: string, members: object = {}) => ({
  registrationId,
  attestation: { type: 'symmetricKey', symmetricKey: KEYS },
  ...members,
});
const group = (enrollmentGroupId: string, members: object = {}) => ({
  enrollmentGroupId,
  attestation: { type: 'symmetricKey', symmetricKey: KEYS },
  ...members,
});

const callerWith = (settings: Parameters<typeof emulatedInstance>[0], options: CallerOptions = {}) =>
  new ServiceApiCaller({ instances: [emulatedInstance(settings)], ...options });

let root: KeyedCertificate;
let leaf: KeyedCertificate;
beforeAll(async () => {
  root = await authority('Root');
  leaf = await deviceCertificate('dev-x', null);
});

/** The status of a device's register request, of the group with `GROUP_KEY`. */
function registers(caller: ServiceApiCaller, id: string): string {
  const { status, body } = caller.service.register(connectedDevice(caller.service, id, caller.nowMs), '', caller.nowMs);
  caller.nowMs += 1_000;
  return status === 200 ? JSON.parse(body).status : String(status);
}

describe.each([
  ['an individual enrollment', '/enrollments', individual],
  ['an enrollment group', '/enrollmentGroups', group],
] as const)('%s', (_, path, bodyOf) => {
  it('is created, read, replaced by etag, and deleted', () => {
    const caller = callerWith({ individualEnrollments: [], enrollmentGroups: [] });
    const created = caller.call('PUT', `${path}/a`, bodyOf('a', { initialTwin: { tags: { site: 'b' } } }));
    expect(created.status).toBe(200);
    expect(created.headers).toMatchObject({ 'x-ms-request-id': expect.any(String) });
    const { etag, createdDateTimeUtc } = created.body;
    expect(Buffer.from(etag, 'base64').toString()).toMatch(/^"[0-9a-f]{8}-0000-0100-0000-[0-9a-f]{12}"$/);
    expect(created.body).toMatchObject({
      attestation: { type: 'symmetricKey', symmetricKey: KEYS },
      capabilities: { iotEdge: false },
      provisioningStatus: 'enabled',
      initialTwin: { tags: { site: 'b' } },
    });
    const read = caller.call('GET', `${path}/a`);
    expect(read.body).toEqual({ ...created.body, attestation: { type: 'symmetricKey' } });
    caller.nowMs += 1_000;
    expect(caller.call('PUT', `${path}/a`, bodyOf('a')).status).toBe(409);
    expect(caller.call('PUT', `${path}/a`, bodyOf('a'), { 'if-match': 'stale' }).status).toBe(412);
    const replaced = caller.call(
      'PUT',
      `${path}/a`,
      { ...read.body, provisioningStatus: 'disabled' },
      { 'if-match': etag },
    );
    expect(replaced.body).toMatchObject({ provisioningStatus: 'disabled', createdDateTimeUtc });
    expect(replaced.body.etag).not.toBe(etag);
    expect(replaced.body.lastUpdatedDateTimeUtc > createdDateTimeUtc).toBe(true);
    // An update shows no keys, and an update without keys keeps them.
    expect(replaced.body.attestation).toEqual({ type: 'symmetricKey' });
    expect(caller.call('POST', `${path}/a/attestationmechanism`).body).toEqual({
      type: 'symmetricKey',
      symmetricKey: KEYS,
    });
    expect(caller.call('DELETE', `${path}/a`, undefined, { 'if-match': etag }).status).toBe(412);
    expect(caller.call('DELETE', `${path}/a`, undefined, { 'if-match': `"${replaced.body.etag}"` })).toMatchObject({
      status: 204,
      text: '',
    });
    for (const method of ['GET', 'DELETE']) expect(caller.call(method, `${path}/a`).status).toBe(404);
    expect(caller.changes.map(({ kind }) => kind)).toEqual(['enrollment', 'enrollment', 'enrollment']);
  });

  it('has If-Match in the forms of all clients', () => {
    const caller = callerWith({});
    caller.call('PUT', `${path}/a`, bodyOf('a'));
    for (const form of ['*', '"*"', 'etag', '"etag"']) {
      const { etag } = caller.call('GET', `${path}/a`).body;
      expect(caller.call('PUT', `${path}/a`, bodyOf('a'), { 'if-match': form.replace('etag', etag) }).status).toBe(200);
    }
  });

  it('is not created by an update', () => {
    expect(callerWith({}).call('PUT', `${path}/b`, bodyOf('b'), { 'if-match': '*' }).status).toBe(412);
    const caller = callerWith({}, { api: { missingEntry: 'not-found' } });
    expect(caller.call('PUT', `${path}/b`, bodyOf('b'), { 'if-match': '*' }).status).toBe(404);
  });

  it('keeps the spelling with which it was created, whatever the case later', () => {
    const caller = callerWith({});
    caller.call('PUT', `${path}/Line-A%3A1`, bodyOf('Line-A:1'));
    const replaced = caller.call('PUT', `${path.toUpperCase()}/line-a:1/`, bodyOf('LINE-A:1'), { 'if-match': '*' });
    expect(Object.values(replaced.body)).toContain('Line-A:1');
    expect(caller.call('PUT', `${path}/other`, bodyOf('Line-A:1')).status).toBe(400);
  });

  it('may be called "query"', () => {
    const caller = callerWith({});
    expect(caller.call('PUT', `${path}/query`, bodyOf('query')).status).toBe(200);
    expect(caller.call('GET', `${path}/query`).status).toBe(200);
    expect(caller.call('POST', `${path}/query`, { query: '*' }).body).toBeInstanceOf(Array);
    expect(caller.call('POST', `${path}/query/attestationmechanism`).body).toMatchObject({ type: 'symmetricKey' });
  });

  it('has keys of the service where it is given none', () => {
    const caller = callerWith({});
    const attestation = { type: 'symmetricKey', symmetricKey: { primaryKey: null, secondaryKey: null } };
    const { symmetricKey } = caller.call('PUT', `${path}/a`, bodyOf('a', { attestation })).body.attestation;
    expect(symmetricKey.primaryKey).not.toBe(symmetricKey.secondaryKey);
    for (const key of Object.values<string>(symmetricKey)) expect(Buffer.from(key, 'base64')).toHaveLength(64);
    const other = { type: 'symmetricKey', symmetricKey: { primaryKey: OTHER_KEY } };
    caller.call('PUT', `${path}/a`, bodyOf('a', { attestation: other }), { 'if-match': '*' });
    const kept = { primaryKey: OTHER_KEY, secondaryKey: symmetricKey.secondaryKey };
    expect(caller.call('POST', `${path}/a/attestationmechanism`).body.symmetricKey).toEqual(kept);
    const renewing = callerWith({}, { api: { keysOnUpdate: 'renew' } });
    renewing.call('PUT', `${path}/a`, bodyOf('a'));
    const renewed = renewing.call('PUT', `${path}/a`, bodyOf('a', { attestation }), { 'if-match': '*' }).body
      .attestation;
    expect(Object.values(renewed.symmetricKey)).not.toContain(DEVICE_KEY);
  });
});

describe('the body of an enrollment', () => {
  const put = (members: object, caller = callerWith({})) =>
    caller.call('PUT', '/enrollments/a', individual('a', members));

  it.each<[string, object, number]>([
    ['has no attestation', { attestation: null }, 400_000],
    ['has an unknown type', { attestation: { type: 'none' } }, 400_000],
    [
      'has a key that is not base64',
      { attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: 'no key!' } } },
      400_000,
    ],
    ['has a short key', { attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: 'c2hvcnQ=' } } }, 400_000],
    ['names hubs without a policy', { iotHubs: [HUB] }, 400_004],
    ['names a hub that is not linked', { allocationPolicy: 'hashed', iotHubs: ['foreign.azure-devices.net'] }, 400_000],
    [
      'names another hub twice',
      { allocationPolicy: 'static', iotHubs: [HUB], iotHubHostName: 'emulated-hub-2.azure-devices.net' },
      400_000,
    ],
    ['is static without a hub', { allocationPolicy: 'static' }, 400_000],
    ['has an unknown policy', { allocationPolicy: 'random' }, 400_012],
    ['is custom without a definition', { allocationPolicy: 'custom' }, 400_000],
    [
      'would run a program',
      {
        allocationPolicy: 'custom',
        customAllocationDefinition: { webhookUrl: 'file:///x.mjs', apiVersion: '2021-10-01' },
      },
      400_012,
    ],
    ['has half a re-provisioning policy', { reprovisionPolicy: { updateHubAssignment: true } }, 400_012],
    ['has a number as status', { provisioningStatus: 1 }, 400_012],
    ['has an array as twin', { initialTwin: [] }, 400_012],
    ['has a device ID with a blank', { deviceId: 'a b' }, 400_012],
    ['has no ID', { registrationId: null }, 400_000],
    ['has an ID with a blank', { registrationId: 'a b' }, 400_000],
    ['has no certificate', { attestation: { type: 'x509', x509: { clientCertificates: { primary: {} } } } }, 400_000],
    [
      'has nonsense as certificate',
      { attestation: { type: 'x509', x509: { clientCertificates: { primary: { certificate: 'AAAA' } } } } },
      400_000,
    ],
    [
      'refers to no uploaded CA',
      { attestation: { type: 'x509', x509: { caReferences: { primary: 'constructor' } } } },
      400_000,
    ],
    ['has no endorsement key', { attestation: { type: 'tpm', tpm: {} } }, 400_000],
  ])('is refused if it %s', (_, members, errorCode) => {
    const caller = callerWith({});
    const { status, body, headers } = put(members, caller);
    expect([status, body.errorCode, headers['x-ms-error-code']]).toEqual([400, errorCode, String(errorCode)]);
    expect(caller.changes).toEqual([]);
    expect(caller.call('GET', '/enrollments/a').status).toBe(404);
  });

  it('has settings as the configuration file has them', () => {
    const caller = callerWith({});
    const webhook = { webhookUrl: 'https://fn.example.net/api/allocate', apiVersion: '2019-03-31' };
    const members = {
      deviceId: 'machine-7',
      allocationPolicy: 'Custom',
      customAllocationDefinition: webhook,
      iotHubs: [HUB.toUpperCase()],
      reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false },
      capabilities: { iotEdge: true },
      initialTwin: { tags: null, properties: { desired: { interval: 60 } } },
      optionalDeviceInformation: { serial: 7 },
      etag: 'decides nothing here',
      somethingNew: 1,
    };
    expect(put(members, caller).body).toMatchObject({
      deviceId: 'machine-7',
      allocationPolicy: 'custom',
      iotHubs: [HUB],
      capabilities: { iotEdge: true },
    });
    expect(caller.service.instance(ID_SCOPE)?.enrollments.individuals.get('a')?.enrollment).toEqual(
      individualEnrollment({
        registrationId: 'a',
        deviceId: 'machine-7',
        attestation: { kind: 'symmetricKey', ...KEYS },
        allocationPolicy: 'custom',
        customAllocationDefinition: webhook,
        iotHubs: [HUB],
        reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false },
        capabilities: { iotEdge: true },
        initialTwin: { tags: null, properties: { desired: { interval: 60 } } },
        optionalDeviceInformation: { serial: 7 },
      }),
    );
  });

  it('can be sent back as it was read, also with a hub in the old form', () => {
    const caller = callerWith({});
    put({ iotHubHostName: HUB }, caller);
    const { body } = caller.call('GET', '/enrollments/a');
    expect(body).toMatchObject({ iotHubHostName: HUB });
    expect(caller.call('PUT', '/enrollments/a', body, { 'if-match': body.etag }).status).toBe(200);
  });

  it('has certificates in the forms of all clients, and shows what is known about them', () => {
    const pem = leaf.certificatePem;
    for (const certificate of [
      `${pem}\n\n`,
      parsed(leaf).raw.toString('base64'),
      Buffer.from(pem).toString('base64'),
    ]) {
      const caller = callerWith({});
      const attestation = { type: 'x509', x509: { clientCertificates: { primary: { certificate }, secondary: null } } };
      const { clientCertificates } = put({ attestation }, caller).body.attestation.x509;
      expect(clientCertificates).toEqual({
        primary: {
          info: {
            subjectName: 'CN=dev-x',
            issuerName: 'CN=dev-x',
            sha1Thumbprint: parsed(leaf).fingerprint.replaceAll(':', ''),
            sha256Thumbprint: parsed(leaf).fingerprint256.replaceAll(':', ''),
            notBeforeUtc: '2020-01-01T00:00:00.000Z',
            notAfterUtc: '2070-01-01T00:00:00.000Z',
            serialNumber: parsed(leaf).serialNumber,
            version: 3,
          },
        },
      });
      const { body } = caller.call('GET', '/enrollments/a');
      // Without the certificate, which the client never saw.
      expect(caller.call('PUT', '/enrollments/a', { ...body, deviceId: 'x' }, { 'if-match': '*' }).status).toBe(200);
    }
    const showing = callerWith(
      { individualEnrollments: [individualEnrollment({ attestation: x509Attestation('client', leaf) })] },
      { api: { returnsCertificates: true } },
    );
    expect(
      showing.call('GET', '/enrollments/my-symkey-device').body.attestation.x509.clientCertificates.primary.certificate,
    ).toBe(parsed(leaf).raw.toString('base64'));
  });

  it('refers to uploaded CAs by name', () => {
    const caller = callerWith({
      uploadedCas: { 'root-ca-1': parsed(root), unverified: null },
      caCertificates: [parsed(root)],
    });
    const attestation = { type: 'x509', x509: { caReferences: { primary: 'root-ca-1', secondary: 'unverified' } } };
    expect(caller.call('PUT', '/enrollmentGroups/g', group('g', { attestation })).body.attestation).toEqual(
      attestation,
    );
    const stored = caller.service.instance(ID_SCOPE)?.enrollments.groups.get('g')?.enrollment.attestation;
    expect(stored).toMatchObject({ use: 'signing', certificates: [{ fingerprint256: parsed(root).fingerprint256 }] });
    const client = { type: 'x509', x509: { clientCertificates: { primary: { certificate: leaf.certificatePem } } } };
    expect(caller.call('PUT', '/enrollmentGroups/h', group('h', { attestation: client })).status).toBe(400);
  });

  it('may be for a TPM, which no device over MQTT has', () => {
    const caller = callerWith({});
    const attestation = { type: 'tpm', tpm: { endorsementKey: 'AToAAQALAAMAsgAg' } };
    expect(put({ attestation }, caller).body.attestation).toEqual(attestation);
    expect(registers(caller, 'a')).toBe('401');
    expect(caller.call('PUT', '/enrollmentGroups/g', group('g', { attestation })).status).toBe(400);
  });
});

describe('at once, a change', () => {
  const derived = (id: string) => ({
    type: 'symmetricKey',
    symmetricKey: { primaryKey: deriveDeviceKey(GROUP_KEY, id) },
  });

  it('lets a device in, disables it, takes its key away, and throws it out', () => {
    const caller = callerWith({ enrollmentGroups: [], individualEnrollments: [] });
    expect(registers(caller, 'dev-1')).toBe('401');
    const body = individual('dev-1', { attestation: derived('dev-1') });
    caller.call('PUT', '/enrollments/dev-1', body);
    expect(registers(caller, 'dev-1')).toBe('202');
    const replace = (members: object) =>
      caller.call('PUT', '/enrollments/dev-1', { ...body, ...members }, { 'if-match': '*' });
    replace({ provisioningStatus: 'disabled' });
    expect(registers(caller, 'dev-1')).toBe('disabled');
    replace({ attestation: { type: 'symmetricKey', symmetricKey: KEYS } });
    expect(registers(caller, 'dev-1')).toBe('401');
    replace({});
    expect(registers(caller, 'dev-1')).toBe('202');
    caller.call('DELETE', '/enrollments/dev-1');
    expect(registers(caller, 'dev-1')).toBe('401');
  });

  it('deletes the record of an individual enrollment with it, and leaves those of a group', () => {
    const caller = callerWith({ individualEnrollments: [] });
    caller.call('PUT', '/enrollments/dev-1', individual('dev-1', { attestation: derived('dev-1') }));
    for (const id of ['dev-1', 'dev-2']) registers(caller, id);
    expect(caller.call('GET', '/enrollments/dev-1').body.registrationState).toMatchObject({
      registrationId: 'dev-1',
      status: 'assigned',
      assignedHub: expect.any(String),
    });
    expect(caller.call('POST', '/enrollments/query', { query: '*' }).body[0]).not.toHaveProperty('registrationState');
    caller.call('DELETE', '/enrollments/dev-1');
    caller.call('DELETE', '/enrollmentGroups/default');
    expect(caller.call('GET', '/registrations/dev-1')).toMatchObject({ status: 404, body: { errorCode: 404_201 } });
    expect(caller.call('GET', '/registrations/dev-2').body).toMatchObject({ status: 'assigned' });
    expect(caller.call('POST', '/registrations/default/query').body).toHaveLength(1);
    expect(caller.changes.slice(-3).map(({ kind }) => kind)).toEqual([
      'enrollment',
      'registration-deleted',
      'enrollment',
    ]);
  });

  it('lets a device begin anew whose record is deleted', () => {
    const caller = callerWith({});
    registers(caller, 'Dev-1');
    registers(caller, 'dev-1');
    const { substatus, etag } = caller.call('GET', '/registrations/DEV-1').body;
    expect(substatus).toBe('reprovisionedToInitialAssignment');
    expect(caller.call('DELETE', '/registrations/dev-1', undefined, { 'if-match': 'stale' }).status).toBe(412);
    expect(caller.call('DELETE', '/registrations/dev-1', undefined, { 'if-match': etag }).status).toBe(204);
    expect(caller.call('DELETE', '/registrations/dev-1').status).toBe(404);
    registers(caller, 'dev-1');
    expect(caller.call('GET', '/registrations/dev-1').body.substatus).toBe('initialAssignment');
  });
});
