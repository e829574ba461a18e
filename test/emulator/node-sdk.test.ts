import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../src/certificates/certificate.ts';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import type { EnrollmentGroup } from '../../src/emulator/service/dps-instance.ts';
import { NO_QUOTAS, type Quotas } from '../../src/emulator/service/quotas.ts';
import { authority, deviceCertificate, x509Attestation, x509Group } from '../support/certificates.ts';
import {
  DEVICE_KEY,
  emulatedInstance,
  GROUP_KEY,
  individualEnrollment,
  OTHER_KEY,
  SECONDARY_KEY,
} from '../support/emulated-instance.ts';
import { SdkDevices } from '../support/sdk-devices.ts';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

const HUB = 'emulated-hub-2.azure-devices.net';
/** A second device waits until it asks again, though a busy machine may keep it from asking for a while. */
const TIGHT: Quotas = {
  ...NO_QUOTAS,
  register: { algorithm: 'token-bucket', limit: 1, perMs: 4_000 },
  retryAfterSeconds: 1,
};

/** Each transport has an ID scope with a tight budget. */
const THROTTLED_SCOPES = { mqtt: '0ne00222222', websocket: '0ne00333333' } as const;

let emulator: TestEmulator;
let devices: SdkDevices;
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
      ...Object.values(THROTTLED_SCOPES).map((idScope) => emulatedInstance({ idScope, quotas: TIGHT })),
    ],
  });
  devices = new SdkDevices(emulator);
});
afterAll(async () => {
  webhook.close();
  await devices.end();
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

describe.each(['mqtt', 'websocket'] as const)("Microsoft's Node SDK over %s", (transport) => {
  it.concurrent('registers a device with an individual enrollment, and again', async () => {
    const task = { registrationId: 'my-symkey-device', key: DEVICE_KEY, transport };
    const first = await devices.register(task);
    expect(first.result).toMatchObject({
      status: 'assigned',
      deviceId: 'my-symkey-device',
      substatus: 'initialAssignment',
    });
    const again = await devices.register({ ...task, key: SECONDARY_KEY });
    const { assignedHub, createdDateTimeUtc } = first.result ?? {};
    expect(again.result).toMatchObject({ assignedHub, createdDateTimeUtc });
  });

  it.concurrent('registers a device of an enrollment group', async () => {
    const registrationId = `sdk-${transport}`;
    const { result } = await devices.register({
      registrationId,
      key: deriveDeviceKey(GROUP_KEY, registrationId),
      transport,
    });
    expect(result).toMatchObject({ status: 'assigned', registrationId, deviceId: registrationId });
    const record = [...emulator.records()].find((one) => one.registrationId === registrationId);
    expect(record).toMatchObject({ assignedHub: result?.['assignedHub'], enrollmentGroupId: 'default' });
  });

  it.concurrent('registers devices with X.509 certificates', async () => {
    const [individual, group] = await Promise.all([
      devices.register({ registrationId: 'self-signed', certificate: pemOf(selfSigned), transport }),
      devices.register({ registrationId: 'of-line-x', certificate: pemOf(ofGroup, intermediate), transport }),
    ]);
    expect(individual.result).toMatchObject({ status: 'assigned', deviceId: 'self-signed', x509: {} });
    expect(group.result).toMatchObject({ status: 'assigned', deviceId: 'of-line-x', x509: {} });
  });

  it.concurrent('sends custom data to the webhook, and gets its answer', async () => {
    const registrationId = `custom-${transport}`;
    const key = deriveDeviceKey(OTHER_KEY, registrationId);
    const { result } = await devices.register({ registrationId, key, payload: { model: 'T1' }, transport });
    expect(result).toMatchObject({ status: 'assigned', assignedHub: HUB, payload: { welcome: true } });
    const expected = { registrationId, payload: { model: 'T1' } };
    expect(webhookBodies.map((body) => body.deviceRuntimeContext)).toContainEqual(expect.objectContaining(expected));
  });

  it.concurrent('is refused with a wrong key, a wrong certificate, and when it is disabled', async () => {
    const [wrongKey, wrongCertificate, disabled] = await Promise.all([
      devices.register({ registrationId: 'unknown', key: DEVICE_KEY, transport }),
      devices.register({ registrationId: 'stranger', certificate: pemOf(ofStranger), transport }),
      devices.register({ registrationId: 'blocked', key: DEVICE_KEY, transport }),
    ]);
    expect(wrongKey.error).toMatch(/Unauthorized/);
    expect(wrongCertificate.error).toMatch(/Unauthorized/);
    expect(disabled.result).toBeUndefined();
    expect(disabled.message).toMatch(/disabled/);
  });

  it.concurrent('waits out a 429, and succeeds', async () => {
    const idScope = THROTTLED_SCOPES[transport];
    const tasks = ['a', 'b'].map((name) => {
      const registrationId = `throttled-${transport}-${name}`;
      return { registrationId, key: deriveDeviceKey(GROUP_KEY, registrationId), idScope, transport };
    });
    const outcomes = await Promise.all(tasks.map((task) => devices.register(task)));
    for (const { result } of outcomes) expect(result).toMatchObject({ status: 'assigned' });
    const throttled = new RegExp(`^${idScope}/throttled-${transport}-[ab]: 429: throttled`);
    expect(emulator.logged.filter((line) => throttled.test(line))).not.toHaveLength(0);
  });
});

it('makes no mistake that the emulator would find, whatever it is told', () => {
  const ids = ['my-symkey-device', 'self-signed', 'of-line-x', 'unknown', 'stranger', 'blocked'];
  const ofTransports = ['sdk', 'custom', 'throttled'].flatMap((name) => [`${name}-mqtt`, `${name}-websocket`]);
  const all = [...ids, ...ofTransports].flatMap((id) => (id.startsWith('throttled') ? [`${id}-a`, `${id}-b`] : [id]));
  for (const id of all) expect([id, emulator.conversation(id)?.findings]).toEqual([id, []]);
});
