import { beforeAll, describe, expect, it } from 'vitest';
import { createCertificate, type KeyedCertificate } from '../../src/certificates/certificate.ts';
import type { ConnectedDevice } from '../../src/emulator/service/connect-check.ts';
import type { DpsInstance, EnrollmentGroup, IndividualEnrollment } from '../../src/emulator/service/dps-instance.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import { authority, deviceCertificate, EXPIRED, parsed, x509Attestation, x509Group } from '../support/certificates.ts';
import { DEVICE_KEY, emulatedInstance, ID_SCOPE, individualEnrollment } from '../support/emulated-instance.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const ID = 'dev-x';

let root: KeyedCertificate;
let fromRoot: KeyedCertificate;
let selfSigned: KeyedCertificate;

beforeAll(async () => {
  root = await authority('Root');
  [fromRoot, selfSigned] = await Promise.all([deviceCertificate(ID, root), deviceCertificate(ID, null)]);
});

function serviceOf(instance: DpsInstance): ProvisioningService {
  return new ProvisioningService({
    instances: [instance],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    newGuid: () => 'guid',
  });
}

function connected(service: ProvisioningService, certificate: KeyedCertificate): ConnectedDevice {
  const username = `${ID_SCOPE}/registrations/${ID}/api-version=2021-06-01`;
  const certificates = [parsed(certificate)];
  const request = { clientId: ID, username, password: null, certificates, sourceAddress: () => null };
  const connack = service.connect(request, NOW_MS);
  if (connack.returnCode !== 0) throw new Error(connack.reason);
  return connack.device;
}

/** The error code of a register request with this certificate. */
function errorCode(instance: DpsInstance, certificate: KeyedCertificate): number {
  const service = serviceOf(instance);
  return JSON.parse(service.register(connected(service, certificate), '', NOW_MS).body).errorCode;
}

const groups = (...enrollmentGroups: readonly EnrollmentGroup[]): DpsInstance =>
  emulatedInstance({ enrollmentGroups, individualEnrollments: [] });
const individual = (settings: Partial<IndividualEnrollment>): DpsInstance =>
  emulatedInstance({ individualEnrollments: [individualEnrollment({ registrationId: ID, ...settings })] });

describe('enrollment group with a CA', () => {
  it('refuses what an expired CA signed', async () => {
    const expiredCa = await createCertificate({ kind: 'authority', commonName: 'Old', ...EXPIRED }, null);
    const fromExpired = await deviceCertificate(ID, expiredCa);
    expect(errorCode(groups(x509Group('g', expiredCa)), fromExpired)).toBe(401002);
  });
});

describe('individual enrollment', () => {
  it('refuses the enrolled certificate when it has expired', async () => {
    const old = await deviceCertificate(ID, null, EXPIRED);
    const instance = individual({ attestation: x509Attestation('client', old) });
    expect(errorCode(instance, old)).toBe(401002);
  });

  it('decides alone, over a group that would let the device in', () => {
    const attestation = { kind: 'symmetricKey', primaryKey: DEVICE_KEY, secondaryKey: null } as const;
    const instance = { ...individual({ attestation }), enrollmentGroups: [x509Group('g', root)] };
    expect(errorCode(instance, fromRoot)).toBe(401002);
  });
});

it('a poll over a connection with a self-made certificate gets the answer of a register request: 401002', () => {
  const service = serviceOf(groups(x509Group('g', root)));
  const { operationId } = JSON.parse(service.register(connected(service, fromRoot), '', NOW_MS).body);
  const answer = service.poll(connected(service, selfSigned), operationId, NOW_MS + 1000);
  expect([answer.status, JSON.parse(answer.body).errorCode]).toEqual([401, 401002]);
  expect(service.poll(connected(service, fromRoot), operationId, NOW_MS + 1000).status).toBe(200);
});
