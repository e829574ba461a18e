import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { EnrollmentGroup } from '../../src/emulator/service/dps-instance.ts';
import { NO_QUOTAS } from '../../src/emulator/service/quotas.ts';
import { authority, deviceCertificate, x509Attestation, x509Group } from '../support/certificates.ts';
import {
  DEVICE_KEY,
  emulatedInstance,
  GROUP_KEY,
  individualEnrollment,
  OTHER_KEY,
  SECONDARY_KEY,
} from '../support/emulated-instance.ts';
import { runSdkDevice } from '../support/run-sdk-device.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const HUB = 'emulated-hub-2.azure-devices.net';
/** Each test runs processes of its own, on a machine that may be busy. */
const TIMEOUT_MS = 90_000;

let emulator: TestEmulator;
let webhook: Server;
const webhookBodies: { deviceRuntimeContext: object }[] = [];
let intermediate: KeyedCertificate;
let selfSigned: KeyedCertificate;
let ofGroup: KeyedCertificate;
let ofStranger: KeyedCertificate;

beforeAll(async () => {
  const root = await authority('Root');
  [intermediate, selfSigned, ofStranger] = await Promise.all([
    authority('Line X', root),
    deviceCertificate('self-signed', null),
    deviceCertificate('stranger', await authority('Root')),
  ]);
  ofGroup = await deviceCertificate('of-line-x', intermediate);
  webhook = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    webhookBodies.push(JSON.parse(text));
    response.end(JSON.stringify({ iotHubHostName: HUB, payload: { welcome: true } }));
  });
  await once(webhook.listen(0, '127.0.0.1'), 'listening');
  emulator = await startTestEmulator({
    websocketPort: 0,
    behavior: { retryAfterSeconds: 1 },
    instances: [
      emulatedInstance({
        enrollmentGroups: [...emulatedInstance().enrollmentGroups, customGroup(), x509Group('line-x', root)],
        individualEnrollments: [
          individualEnrollment(),
          individualEnrollment({ registrationId: 'blocked', provisioningStatus: 'disabled' }),
          individualEnrollment({ registrationId: 'self-signed', attestation: x509Attestation('client', selfSigned) }),
        ],
      }),
      emulatedInstance({
        idScope: '0ne00222222',
        quotas: { ...NO_QUOTAS, register: { algorithm: 'token-bucket', limit: 1, perMs: 2_000 }, retryAfterSeconds: 1 },
      }),
    ],
  });
}, TIMEOUT_MS);
afterAll(async () => {
  webhook.close();
  await emulator.close();
});

function customGroup(): EnrollmentGroup {
  const [group] = emulatedInstance().enrollmentGroups;
  if (group === undefined) throw new Error('no group');
  return {
    ...group,
    enrollmentGroupId: 'custom',
    attestation: { kind: 'symmetricKey', primaryKey: OTHER_KEY, secondaryKey: null },
    allocationPolicy: 'custom',
    customAllocationDefinition: {
      webhookUrl: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
      apiVersion: '2018-09-01-preview',
    },
  };
}

const pemOf = (...chain: readonly KeyedCertificate[]) => ({
  cert: chain.map(({ certificatePem }) => certificatePem).join(''),
  key: chain[0]?.privateKeyPem ?? '',
});

describe.each(['mqtt', 'websocket'] as const)("Microsoft's Node SDK over %s", { timeout: TIMEOUT_MS }, (transport) => {
  it('registers a device with an individual enrollment, and again', async () => {
    const task = { registrationId: 'my-symkey-device', key: DEVICE_KEY, transport };
    const first = await runSdkDevice(emulator, task);
    expect(first.result).toMatchObject({
      status: 'assigned',
      deviceId: 'my-symkey-device',
      substatus: 'initialAssignment',
    });
    const again = await runSdkDevice(emulator, { ...task, key: SECONDARY_KEY });
    const { assignedHub, createdDateTimeUtc } = first.result ?? {};
    expect(again.result).toMatchObject({ assignedHub, createdDateTimeUtc });
  });

  it('registers a device of an enrollment group', async () => {
    const registrationId = `sdk-${transport}`;
    const { result } = await runSdkDevice(emulator, {
      registrationId,
      key: deriveDeviceKey(GROUP_KEY, registrationId),
      transport,
    });
    expect(result).toMatchObject({ status: 'assigned', registrationId, deviceId: registrationId });
    const record = [...emulator.records()].find((one) => one.registrationId === registrationId);
    expect(record).toMatchObject({ assignedHub: result?.['assignedHub'], enrollmentGroupId: 'default' });
  });

  it('registers devices with X.509 certificates', async () => {
    const [individual, group] = await Promise.all([
      runSdkDevice(emulator, { registrationId: 'self-signed', certificate: pemOf(selfSigned), transport }),
      runSdkDevice(emulator, { registrationId: 'of-line-x', certificate: pemOf(ofGroup, intermediate), transport }),
    ]);
    expect(individual.result).toMatchObject({ status: 'assigned', deviceId: 'self-signed', x509: {} });
    expect(group.result).toMatchObject({ status: 'assigned', deviceId: 'of-line-x', x509: {} });
  });

  it('sends custom data to the webhook, and gets its answer', async () => {
    const registrationId = `custom-${transport}`;
    const key = deriveDeviceKey(OTHER_KEY, registrationId);
    const { result } = await runSdkDevice(emulator, { registrationId, key, payload: { model: 'T1' }, transport });
    expect(result).toMatchObject({ status: 'assigned', assignedHub: HUB, payload: { welcome: true } });
    const expected = { registrationId, payload: { model: 'T1' } };
    expect(webhookBodies.map((body) => body.deviceRuntimeContext)).toContainEqual(expect.objectContaining(expected));
  });

  it('is refused with a wrong key, a wrong certificate, and when it is disabled', async () => {
    const [wrongKey, wrongCertificate, disabled] = await Promise.all([
      runSdkDevice(emulator, { registrationId: 'unknown', key: DEVICE_KEY, transport }),
      runSdkDevice(emulator, { registrationId: 'stranger', certificate: pemOf(ofStranger), transport }),
      runSdkDevice(emulator, { registrationId: 'blocked', key: DEVICE_KEY, transport }),
    ]);
    expect(wrongKey.error).toMatch(/Unauthorized/);
    expect(wrongCertificate.error).toMatch(/Unauthorized/);
    expect(disabled.result).toBeUndefined();
    expect(disabled.message).toMatch(/disabled/);
  });

  it('waits out a 429, and succeeds', async () => {
    const tasks = ['a', 'b'].map((name) => {
      const registrationId = `throttled-${transport}-${name}`;
      return { registrationId, key: deriveDeviceKey(GROUP_KEY, registrationId), idScope: '0ne00222222', transport };
    });
    const before = emulator.counters.registerAnswers['429'] ?? 0;
    const outcomes = await Promise.all(tasks.map((task) => runSdkDevice(emulator, task)));
    for (const { result } of outcomes) expect(result).toMatchObject({ status: 'assigned' });
    expect(emulator.counters.registerAnswers['429'] ?? 0).toBeGreaterThan(before);
  });
});
