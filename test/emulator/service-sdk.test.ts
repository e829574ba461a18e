import type { ProvisioningServiceClient } from 'azure-iot-provisioning-service';
import type {
  BulkEnrollmentOperation,
  BulkEnrollmentOperationResult,
  EnrollmentGroup,
  IndividualEnrollment,
} from 'azure-iot-provisioning-service/dist/interfaces.js';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { RegistrationStateBody } from '../../src/dps/payloads.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import type { Emulator } from '../../src/emulator/emulator.ts';
import { startEmulator } from '../../src/emulator/start-emulator.ts';
import { authority, deviceCertificate, parsed } from '../support/certificates.ts';
import { emulatedInstance, ID_SCOPE } from '../support/emulated-instance.ts';
import { serviceSdk } from '../support/service-sdk.ts';

let emulator: Emulator;
let sdk: ProvisioningServiceClient;
let root: KeyedCertificate;
let leaf: KeyedCertificate;

beforeAll(async () => {
  root = await authority('Root');
  leaf = await deviceCertificate('x-1', root);
  emulator = await startEmulator({
    serverKeys: 'ecdsa',
    servicePort: 0,
    behavior: { retryAfterSeconds: 0, assignmentDelayMs: 0 },
    instances: [emulatedInstance({ individualEnrollments: [], uploadedCas: { 'root-ca': parsed(root) } })],
  });
  sdk = await serviceSdk(emulator);
});
afterAll(() => emulator.close());

const individual = (registrationId: string, settings: object = {}) =>
  ({ registrationId, attestation: { type: 'symmetricKey' }, ...settings }) as IndividualEnrollment;
const group = (enrollmentGroupId: string, settings: object = {}) =>
  ({ enrollmentGroupId, attestation: { type: 'symmetricKey' }, ...settings }) as EnrollmentGroup;

/** The status with which a call of the SDK fails. */
async function failure(call: Promise<unknown>): Promise<number> {
  const error = await call.then(
    () => null,
    (reason) => reason,
  );
  return error?.response?.statusCode ?? 0;
}

/** Without a callback, the SDK never tells that a bulk operation has ended. */
const runBulk = (operation: BulkEnrollmentOperation): Promise<BulkEnrollmentOperationResult | undefined> =>
  new Promise((resolve, reject) =>
    sdk.runBulkEnrollmentOperation(operation, (error, result) => (error ? reject(error) : resolve(result))),
  );

/** Every page of a query. Without the token, the SDK's promise is of the first page again. */
async function pagesOf(query: ReturnType<typeof sdk.createEnrollmentGroupQuery>): Promise<unknown[][]> {
  const pages: unknown[][] = [];
  while (query.hasMoreResults)
    pages.push((await query.next(query.continuationToken)).responseBody as unknown as unknown[]);
  return pages;
}

/** Registers a device with an MQTT client, as a person would. */
async function register(id: string, key: string): Promise<RegistrationStateBody> {
  const client = await connectAsync(`mqtts://localhost:${emulator.port}`, {
    ca: emulator.caPem,
    clientId: id,
    username: `${ID_SCOPE}/registrations/${id}/api-version=2021-06-01`,
    password: buildSasToken(ID_SCOPE, id, key, 4_000_000_000),
    reconnectPeriod: 0,
  });
  const answer = (): Promise<{ operationId: string; registrationState: RegistrationStateBody }> =>
    new Promise((resolve) => client.once('message', (_, payload) => resolve(JSON.parse(payload.toString()))));
  await client.subscribeAsync('$dps/registrations/res/#', { qos: 1 });
  const accepted = answer();
  await client.publishAsync('$dps/registrations/PUT/iotdps-register/?$rid=1', '{}');
  const { operationId } = await accepted;
  const done = answer();
  await client.publishAsync(`$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=${operationId}`, '');
  const { registrationState } = await done;
  await client.endAsync();
  return registrationState;
}

describe("Microsoft's Node service SDK", () => {
  it('creates, reads, changes and deletes individual enrollments, with etags', async () => {
    const created = (await sdk.createOrUpdateIndividualEnrollment(individual('sdk:1'))).responseBody;
    expect(created.attestation.symmetricKey?.primaryKey).toHaveLength(88);
    expect(await failure(sdk.createOrUpdateIndividualEnrollment(individual('sdk:1')))).toBe(409);
    const read = (await sdk.getIndividualEnrollment('SDK:1')).responseBody;
    expect(read).toEqual({ ...created, attestation: { type: 'symmetricKey' } });
    const changed = { ...read, provisioningStatus: 'disabled' as const };
    expect((await sdk.createOrUpdateIndividualEnrollment(changed)).responseBody.provisioningStatus).toBe('disabled');
    // Its etag is that of the first state.
    expect(await failure(sdk.createOrUpdateIndividualEnrollment(changed))).toBe(412);
    expect(await failure(sdk.deleteIndividualEnrollment(changed))).toBe(412);
    await sdk.deleteIndividualEnrollment('sdk:1');
    expect(await failure(sdk.getIndividualEnrollment('sdk:1'))).toBe(404);
    expect(await failure(sdk.deleteIndividualEnrollment('sdk:1', '*'))).toBe(404);
  });

  it('does the same with enrollment groups', async () => {
    const attestation = { type: 'x509', x509: { caReferences: { primary: 'root-ca' } } };
    const created = (await sdk.createOrUpdateEnrollmentGroup(group('line-1', { attestation }))).responseBody;
    expect(created.attestation).toEqual(attestation);
    const changed = { ...created, allocationPolicy: 'static', iotHubs: ['emulated-hub-2.azure-devices.net'] };
    expect((await sdk.createOrUpdateEnrollmentGroup(changed as EnrollmentGroup)).responseBody).toMatchObject({
      allocationPolicy: 'static',
      iotHubs: ['emulated-hub-2.azure-devices.net'],
    });
    const { responseBody: read } = await sdk.getEnrollmentGroup('line-1');
    await sdk.deleteEnrollmentGroup(read);
    expect(await failure(sdk.getEnrollmentGroup('line-1'))).toBe(404);
  });

  it('reads attestation mechanisms, with keys', async () => {
    const primary = { certificate: leaf.certificatePem };
    const x509 = { type: 'x509', x509: { clientCertificates: { primary } } };
    await sdk.createOrUpdateIndividualEnrollment(individual('x-1', { attestation: x509 }));
    const { responseBody: certificates } = await sdk.getIndividualEnrollmentAttestationMechanism('x-1');
    expect(certificates).toMatchObject({
      type: 'x509',
      x509: { clientCertificates: { primary: { info: { subjectName: 'CN=x-1' } } } },
    });
    const { responseBody: made } = await sdk.createOrUpdateEnrollmentGroup(group('keys'));
    const { responseBody: keys } = await sdk.getEnrollmentGroupAttestationMechanism('keys');
    expect(keys).toEqual(made.attestation);
    await sdk.deleteEnrollmentGroup('keys');
    await sdk.deleteIndividualEnrollment('x-1');
  });

  it('creates ten enrollments at once, pages through them, and deletes them', async () => {
    const enrollments = Array.from({ length: 10 }, (_, n) => individual(`bulk-${n}`));
    expect(await runBulk({ mode: 'create', enrollments })).toEqual({ isSuccessful: true, errors: [] });
    expect(await runBulk({ mode: 'create', enrollments: enrollments.slice(9) })).toMatchObject({
      isSuccessful: false,
      errors: [{ registrationId: 'bulk-9' }],
    });
    const pages = await pagesOf(sdk.createIndividualEnrollmentQuery({ query: '*' }, 4));
    expect(pages.map(({ length }) => length)).toEqual([4, 4, 2]);
    expect(pages.flat()).toMatchObject(enrollments.map(({ registrationId }) => ({ registrationId })));
    await runBulk({ mode: 'delete', enrollments });
    const groups = await pagesOf(sdk.createEnrollmentGroupQuery({ query: '*' }, 10));
    expect(groups).toMatchObject([[{ enrollmentGroupId: 'default' }]]);
  });

  it('enrolls a device that registers with an MQTT client, and reads its record', async () => {
    const enrollment = individual('manual-1', { deviceId: 'machine-1', initialTwin: { tags: { site: 'a' } } });
    const { responseBody: created } = await sdk.createOrUpdateIndividualEnrollment(enrollment);
    expect(await failure(sdk.getDeviceRegistrationState('manual-1'))).toBe(404);
    const state = await register('manual-1', created.attestation.symmetricKey?.primaryKey ?? '');
    expect(state).toMatchObject({ status: 'assigned', deviceId: 'machine-1' });
    const { responseBody: record } = await sdk.getDeviceRegistrationState('manual-1');
    expect(record).toEqual(state);
    expect((await sdk.getIndividualEnrollment('manual-1')).responseBody.registrationState).toEqual(state);
    await sdk.deleteDeviceRegistrationState(record);
    expect(await failure(sdk.getDeviceRegistrationState('manual-1'))).toBe(404);
  });

  it('reads the registrations of a group', async () => {
    const { responseBody: made } = await sdk.createOrUpdateEnrollmentGroup(group('line-2'));
    const groupKey = made.attestation.symmetricKey?.secondaryKey ?? '';
    for (const id of ['g-1', 'g-2']) await register(id, deriveDeviceKey(groupKey, id));
    const pages = await pagesOf(sdk.createEnrollmentGroupDeviceRegistrationStateQuery({ query: '*' }, 'line-2', 1));
    expect(pages).toMatchObject([[{ registrationId: 'g-1' }], [{ registrationId: 'g-2', status: 'assigned' }]]);
  });
});
