import { beforeAll, describe, expect, it } from 'vitest';
import { createCertificate, type KeyedCertificate } from '../../src/certificates/certificate.ts';
import type { DpsInstance, EnrollmentGroup, IndividualEnrollment } from '../../src/emulator/service/dps-instance.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from '../../src/emulator/service/service-behavior.ts';
import { authority, deviceCertificate, EXPIRED, parsed, x509Attestation, x509Group } from '../support/certificates.ts';
import { DEVICE_KEY, emulatedInstance, ID_SCOPE, individualEnrollment } from '../support/emulated-instance.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { startTestEmulator } from '../support/test-emulator.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const ID = 'dev-x';

let root: KeyedCertificate;
let intermediate: KeyedCertificate;
let strangeRoot: KeyedCertificate;
let fromRoot: KeyedCertificate;
let fromIntermediate: KeyedCertificate;
let fromStranger: KeyedCertificate;
let selfSigned: KeyedCertificate;
let secondSelfSigned: KeyedCertificate;
let expired: KeyedCertificate;
let signedByLeaf: KeyedCertificate;

beforeAll(async () => {
  [root, strangeRoot] = await Promise.all([authority('Root'), authority('Root')]);
  intermediate = await authority('Line A', root);
  [fromRoot, fromIntermediate, fromStranger, selfSigned, secondSelfSigned, expired] = await Promise.all([
    deviceCertificate(ID, root),
    deviceCertificate(ID, intermediate),
    deviceCertificate(ID, strangeRoot),
    deviceCertificate(ID, null),
    deviceCertificate(ID, null),
    deviceCertificate(ID, root, EXPIRED),
  ]);
  signedByLeaf = await deviceCertificate(ID, fromRoot);
});

type Outcome = { connack?: number; status: number; code?: number; state?: string; group?: string | null };

/** Connects and registers with the presented chain. */
function tryWith(
  instance: DpsInstance,
  chain: readonly KeyedCertificate[],
  clientId = ID,
  behavior: Partial<ServiceBehavior> = {},
): Outcome {
  const service = new ProvisioningService({
    instances: [instance],
    behavior: { ...SERVICE_BEHAVIOR_DEFAULT, ...behavior },
    newGuid: () => 'guid',
  });
  const username = `${ID_SCOPE}/registrations/${clientId}/api-version=2021-06-01`;
  const certificates = chain.map(parsed);
  const connack = service.connect(
    { clientId, username, password: null, certificates, sourceAddress: () => null },
    NOW_MS,
  );
  if (connack.returnCode !== 0) return { connack: connack.returnCode, status: 0 };
  const { status, body } = service.register(connack.device, '', NOW_MS);
  const { errorCode, status: state } = JSON.parse(body);
  const [record] = service.records(NOW_MS);
  return { status, code: errorCode, state, group: record?.enrollmentGroupId ?? null };
}

const groups = (...enrollmentGroups: readonly EnrollmentGroup[]): DpsInstance =>
  emulatedInstance({ enrollmentGroups, individualEnrollments: [] });
const individual = (settings: Partial<IndividualEnrollment>): DpsInstance =>
  emulatedInstance({ individualEnrollments: [individualEnrollment({ registrationId: ID, ...settings })] });

describe('enrollment group with a CA', () => {
  it('lets in what the CA signed', () => {
    expect(tryWith(groups(x509Group('g', root)), [fromRoot])).toMatchObject({ status: 202, group: 'g' });
  });

  it('lets in what an intermediate of the CA signed, when the device sends it', () => {
    const instance = groups(x509Group('g', root));
    expect(tryWith(instance, [fromIntermediate, intermediate])).toMatchObject({ status: 202, group: 'g' });
    expect(tryWith(instance, [fromIntermediate])).toMatchObject({ status: 401, code: 401002 });
  });

  it.each<[name: string, chain: () => KeyedCertificate[]]>([
    ['another CA of the same name', () => [fromStranger]],
    ['another CA of the same name, sent along', () => [fromStranger, strangeRoot]],
    ['another CA, with ours sent along', () => [fromStranger, root]],
    ['itself', () => [selfSigned]],
    ['a device of the group, which is no CA', () => [signedByLeaf, fromRoot]],
  ])('refuses a certificate signed by %s', (_, chain) => {
    expect(tryWith(groups(x509Group('g', root)), chain())).toMatchObject({ status: 401, code: 401002 });
  });

  it('refuses an expired certificate', () => {
    expect(tryWith(groups(x509Group('g', root)), [expired])).toMatchObject({ status: 401, code: 401002 });
  });

  it('the group of the nearest certificate wins, whatever their order', () => {
    const far = x509Group('far', root);
    const near = x509Group('near', intermediate);
    for (const instance of [groups(far, near), groups(near, far)]) {
      expect(tryWith(instance, [fromIntermediate, intermediate, root])).toMatchObject({ status: 202, group: 'near' });
      expect(tryWith(instance, [fromRoot])).toMatchObject({ status: 202, group: 'far' });
    }
  });

  it('the nearest group decides also when it is disabled', () => {
    const instance = groups(
      x509Group('far', root),
      x509Group('near', intermediate, { provisioningStatus: 'disabled' }),
    );
    expect(tryWith(instance, [fromIntermediate, intermediate])).toMatchObject({ status: 200, state: 'disabled' });
  });

  it('the chain must lead to a verified CA of the instance, where it has any', () => {
    const near = x509Group('near', intermediate);
    const verified = (...cas: readonly KeyedCertificate[]) => ({ ...groups(near), caCertificates: cas.map(parsed) });
    const chain = [fromIntermediate, intermediate];
    expect(tryWith(verified(root), chain)).toMatchObject({ status: 202, group: 'near' });
    expect(tryWith(verified(intermediate), [fromIntermediate])).toMatchObject({ status: 202, group: 'near' });
    expect(tryWith(verified(root), [fromIntermediate])).toMatchObject({ status: 401, code: 401002 });
    expect(tryWith(verified(strangeRoot), chain)).toMatchObject({ status: 401, code: 401002 });
  });

  it('refuses what an expired CA signed', async () => {
    const expiredCa = await createCertificate({ kind: 'authority', commonName: 'Old', ...EXPIRED }, null);
    const fromExpired = await deviceCertificate(ID, expiredCa);
    expect(tryWith(groups(x509Group('g', expiredCa)), [fromExpired])).toMatchObject({ status: 401, code: 401002 });
  });

  it('takes either of two certificates of a group', () => {
    const both = x509Group('g', root, { attestation: x509Attestation('signing', strangeRoot, root) });
    expect(tryWith(groups(both), [fromRoot])).toMatchObject({ status: 202 });
    expect(tryWith(groups(both), [fromStranger])).toMatchObject({ status: 202 });
  });

  it('answers 404201 when the CA is known to the instance, but enrolls nobody', () => {
    const instance = emulatedInstance({ caCertificates: [parsed(root)] });
    expect(tryWith(instance, [fromRoot])).toMatchObject({ status: 404, code: 404201 });
    expect(tryWith(instance, [fromStranger])).toMatchObject({ status: 401, code: 401002 });
  });
});

describe('individual enrollment', () => {
  it('takes its primary and its secondary certificate, self-signed ones too, and no other', () => {
    const instance = individual({ attestation: x509Attestation('client', selfSigned, secondSelfSigned) });
    expect(tryWith(instance, [selfSigned])).toMatchObject({ status: 202, group: null });
    expect(tryWith(instance, [secondSelfSigned])).toMatchObject({ status: 202 });
    expect(tryWith(instance, [fromRoot])).toMatchObject({ status: 401, code: 401002 });
  });

  it('refuses the enrolled certificate when it has expired', async () => {
    const old = await deviceCertificate(ID, null, EXPIRED);
    const instance = individual({ attestation: x509Attestation('client', old) });
    expect(tryWith(instance, [old])).toMatchObject({ status: 401, code: 401002 });
  });

  it('needs no CA of the instance for the certificate itself', () => {
    const attestation = x509Attestation('client', selfSigned);
    const instance = { ...individual({ attestation }), caCertificates: [parsed(root)] };
    expect(tryWith(instance, [selfSigned])).toMatchObject({ status: 202 });
  });

  it('takes what its signing certificate signed', () => {
    const instance = individual({ attestation: x509Attestation('signing', root) });
    expect(tryWith(instance, [fromRoot])).toMatchObject({ status: 202 });
    expect(tryWith(instance, [fromStranger])).toMatchObject({ status: 401, code: 401002 });
  });

  it('decides alone, over a group that would let the device in', () => {
    const attestation = { kind: 'symmetricKey', primaryKey: DEVICE_KEY, secondaryKey: null } as const;
    const instance = { ...individual({ attestation }), enrollmentGroups: [x509Group('g', root)] };
    expect(tryWith(instance, [fromRoot])).toMatchObject({ status: 401, code: 401002 });
  });

  it('blocks the device when it is disabled, also with another attestation type', () => {
    const instance = { ...individual({ provisioningStatus: 'disabled' }), enrollmentGroups: [x509Group('g', root)] };
    expect(tryWith(instance, [fromRoot])).toMatchObject({ status: 200, state: 'disabled' });
  });
});

it('a poll over a connection with a self-made certificate gets the answer of a register request: 401002', () => {
  const service = new ProvisioningService({
    instances: [groups(x509Group('g', root))],
    behavior: SERVICE_BEHAVIOR_DEFAULT,
    newGuid: () => 'guid',
  });
  const connected = (certificate: KeyedCertificate) => {
    const username = `${ID_SCOPE}/registrations/${ID}/api-version=2021-06-01`;
    const certificates = [parsed(certificate)];
    const request = { clientId: ID, username, password: null, certificates, sourceAddress: () => null };
    const connack = service.connect(request, NOW_MS);
    if (connack.returnCode !== 0) throw new Error(connack.reason);
    return connack.device;
  };
  const { operationId } = JSON.parse(service.register(connected(fromRoot), '', NOW_MS).body);
  const answer = service.poll(connected(selfSigned), operationId, NOW_MS + 1000);
  expect([answer.status, JSON.parse(answer.body).errorCode]).toEqual([401, 401002]);
  expect(service.poll(connected(fromRoot), operationId, NOW_MS + 1000).status).toBe(200);
});

it('the common name must be the registration ID, in any case: CONNACK 5', () => {
  const instance = groups(x509Group('g', root));
  expect(tryWith(instance, [fromRoot], 'another')).toMatchObject({ connack: 5 });
  expect(tryWith(instance, [fromRoot], ID.toUpperCase())).toMatchObject({ status: 202 });
});

it('the common name may be judged at the register request instead: 401002', () => {
  const instance = groups(x509Group('g', root));
  const behavior = { commonNameCheck: 'register' } as const;
  expect(tryWith(instance, [fromRoot], 'another', behavior)).toMatchObject({ status: 401, code: 401002 });
  expect(tryWith(instance, [fromRoot], ID, behavior)).toMatchObject({ status: 202 });
});

describe('over TLS', () => {
  async function registerWith(chain: readonly KeyedCertificate[]): Promise<string | undefined> {
    const instances = [groups(x509Group('far', root), x509Group('near', intermediate))];
    const emulator = await startTestEmulator({ instances, behavior: { assignmentDelayMs: 0 } });
    const cert = chain.map(({ certificatePem }) => certificatePem).join('');
    const device = await ScriptedDevice.open(emulator, { cert, key: chain[0]?.privateKeyPem });
    const username = `${ID_SCOPE}/registrations/${ID}/api-version=2021-06-01`;
    expect(await device.exchange({ cmd: 'connect', clientId: ID, username })).toMatchObject({ returnCode: 0 });
    const subscriptions = [{ topic: '$dps/registrations/res/#', qos: 1 as const }];
    await device.exchange({ cmd: 'subscribe', messageId: 1, subscriptions });
    const topic = '$dps/registrations/PUT/iotdps-register/?$rid=1';
    const answer = await device.exchange({ cmd: 'publish', topic, payload: '', qos: 0, dup: false, retain: false });
    device.close();
    const [record] = emulator.records();
    await emulator.close();
    if (answer?.cmd !== 'publish') throw new Error('no answer');
    return record?.enrollmentGroupId ?? JSON.parse(answer.payload.toString()).errorCode;
  }

  it('the chain that the device presents decides', async () => {
    expect(await registerWith([fromIntermediate, intermediate])).toBe('near');
    expect(await registerWith([fromIntermediate])).toBe('near');
    expect(await registerWith([fromRoot])).toBe('far');
  });

  it('a certificate of another CA passes the handshake and CONNECT, and is refused at the register request', async () => {
    expect(await registerWith([fromStranger, strangeRoot])).toBe(401002);
  });
});

it('the final answer begins with an empty x509 member', async () => {
  const behavior = { ...SERVICE_BEHAVIOR_DEFAULT, assignmentDelayMs: 0 };
  const service = new ProvisioningService({
    instances: [groups(x509Group('g', root))],
    behavior,
    newGuid: () => 'guid',
  });
  const username = `${ID_SCOPE}/registrations/${ID}/api-version=2021-06-01`;
  const connack = service.connect(
    { clientId: ID, username, password: null, certificates: [parsed(fromRoot)], sourceAddress: () => null },
    NOW_MS,
  );
  if (connack.returnCode !== 0) throw new Error(connack.reason);
  const { operationId } = JSON.parse(service.register(connack.device, '', NOW_MS).body);
  const { body } = service.poll(connack.device, operationId, NOW_MS);
  expect(body).toContain('"registrationState":{"x509":{},"registrationId":"dev-x"');
});
