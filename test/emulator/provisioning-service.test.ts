import { describe, expect, it } from 'vitest';
import { deriveDeviceKey } from '../../src/dps/device-key.ts';
import { buildSasToken } from '../../src/dps/sas-token.ts';
import type { ServiceAnswer } from '../../src/emulator/service/answer.ts';
import type { ConnectedDevice } from '../../src/emulator/service/connect-check.ts';
import type { DpsInstance } from '../../src/emulator/service/dps-instance.ts';
import { OPERATIONS_PER_DEVICE_MAX } from '../../src/emulator/service/operation-store.ts';
import { ProvisioningService } from '../../src/emulator/service/provisioning-service.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from '../../src/emulator/service/service-behavior.ts';
import {
  DEVICE_KEY,
  emulatedInstance,
  GROUP_KEY,
  ID_SCOPE,
  individualEnrollment,
  OTHER_KEY,
} from '../support/emulated-instance.ts';
import { heapMegabytes } from '../support/heap.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const LATER_MS = NOW_MS + 3_600_000;
const EXPIRY = NOW_MS / 1000 + 3600;

function emulatedService(...instances: readonly DpsInstance[]): ProvisioningService {
  return serviceWith({}, instances.length === 0 ? [emulatedInstance()] : instances);
}

function serviceWith(behavior: Partial<ServiceBehavior>, instances = [emulatedInstance()] as readonly DpsInstance[]) {
  let calls = 0;
  const newGuid = (): string => `00000000-0000-4000-8000-${String(calls++).padStart(12, '0')}`;
  return new ProvisioningService({ instances, behavior: { ...SERVICE_BEHAVIOR_DEFAULT, ...behavior }, newGuid });
}

type Login = {
  id?: string;
  key?: string;
  scope?: string;
  version?: string;
  clientId?: string;
  password?: string | null;
  sourceAddress?: string;
};

function connect(service: ProvisioningService, login: Login = {}) {
  const { id = 'my-symkey-device', key = DEVICE_KEY, scope = ID_SCOPE, version = '2021-06-01' } = login;
  const username = `${scope}/registrations/${id}/api-version=${version}&ClientVersion=test`;
  const password = login.password === undefined ? buildSasToken(scope, id, key, EXPIRY) : login.password;
  return service.connect(
    {
      clientId: login.clientId ?? id,
      username,
      password,
      certificates: [],
      sourceAddress: () => login.sourceAddress ?? null,
    },
    NOW_MS,
  );
}

function connected(service: ProvisioningService, login: Login = {}): ConnectedDevice {
  const answer = connect(service, login);
  if (answer.returnCode !== 0) throw new Error(answer.reason);
  return answer.device;
}

const bodyOf = ({ body }: ServiceAnswer) => JSON.parse(body);

/** Registers and polls after the assignment. */
function finalAnswer(service: ProvisioningService, device: ConnectedDevice, atMs = NOW_MS): ServiceAnswer {
  const { operationId } = bodyOf(service.register(device, '', atMs));
  return service.poll(device, operationId, atMs + 10_000);
}

describe('CONNECT', () => {
  it.each([
    ['2026-02-30-preview', 4],
    ['2021-06-01-preview', 4],
    ['2017-08-31-preview', 0],
  ])('with the api-version %s: %i', (version, returnCode) => {
    expect(connect(emulatedService(), { version }).returnCode).toBe(returnCode);
  });

  it.each([
    ['2026-13-45', 'malformed api-version'],
    ['2020-01-01', 'unknown api-version 2020-01-01'],
  ])('says what is wrong with the api-version %s', (version, reason) => {
    expect(connect(emulatedService(), { version })).toMatchObject({ reason });
  });
});

describe('attestation with symmetric keys', () => {
  it('takes a token whose resource is in lower case, as IoT Edge writes it', () => {
    const id = 'My-SymKey-Device';
    const service = emulatedService(emulatedInstance({ idScope: '0ne0ABCDEF0' }));
    const password = buildSasToken('0ne0abcdef0', id.toLowerCase(), DEVICE_KEY, EXPIRY);
    const device = connected(service, { id, scope: '0ne0ABCDEF0', password });
    expect(service.register(device, '', NOW_MS).status).toBe(202);
  });
});

describe('poll', () => {
  it.each<[name: string, behavior: Partial<ServiceBehavior>, status: number, errorCode: number]>([
    ['401000', {}, 401, 401000],
    ['404201 where unknown devices get that', { unknownAnswer: 'not-found' }, 404, 404201],
  ])('over a connection with a wrong key: %s, and nothing of the operation', (_, behavior, status, errorCode) => {
    const service = serviceWith(behavior);
    const [id, key] = ['a', deriveDeviceKey(GROUP_KEY, 'a')];
    const { operationId } = bodyOf(service.register(connected(service, { id, key }), '', NOW_MS));
    const thief = connected(service, { id, key: OTHER_KEY });
    const answer = service.poll(thief, operationId, NOW_MS + 1000);
    expect([answer.status, bodyOf(answer).errorCode]).toEqual([status, errorCode]);
    expect(service.register(thief, '', NOW_MS + 1000).status).toBe(status);
    expect(service.poll(thief, operationId, NOW_MS + 1000).status).toBe(status);
    expect(service.poll(connected(service, { id, key }), operationId, NOW_MS + 1000).status).toBe(200);
    expect(service.counters).toMatchObject({ attestationAttempts: 2, polls: 3 });
  });

  it('of an instance without a hub: failed, which the log tells', () => {
    const service = emulatedService(emulatedInstance({ linkedHubs: [] }));
    const answer = finalAnswer(service, connected(service));
    expect(answer.status).toBe(200);
    expect(bodyOf(answer)).toMatchObject({
      status: 'failed',
      registrationState: { status: 'failed', errorCode: 400208 },
    });
    expect(answer.refusal).toMatch(/^failed with 400208: No IoT hub/);
  });
});

describe('repeated registration', () => {
  it('counts as one record, also in another case, and each has its own spelling', () => {
    const service = emulatedService();
    const [upper, lower] = ['Dev-A', 'dev-a'].map((id) => {
      const device = connected(service, { id, key: deriveDeviceKey(GROUP_KEY, id) });
      return { device, operationId: bodyOf(service.register(device, '', NOW_MS)).operationId };
    });
    if (upper === undefined || lower === undefined) throw new Error('no device');
    const told = ({ device, operationId }: typeof upper) =>
      bodyOf(service.poll(device, operationId, LATER_MS - 3_000_000)).registrationState;
    expect(told(upper)).toMatchObject({ registrationId: 'Dev-A', deviceId: 'Dev-A' });
    expect(told(lower)).toMatchObject({ registrationId: 'dev-a', deviceId: 'dev-a' });
    expect([...service.records(LATER_MS)]).toMatchObject([
      { registrationId: 'dev-a', deviceId: 'dev-a', registers: 2 },
    ]);
  });

  it('is spelled as the individual enrollment is, whatever case the device uses', () => {
    const service = emulatedService(
      emulatedInstance({ individualEnrollments: [individualEnrollment({ registrationId: 'My-SymKey-Device' })] }),
    );
    const device = connected(service, { id: 'MY-SYMKEY-DEVICE' });
    const { operationId } = bodyOf(service.register(device, '', NOW_MS));
    const spelling = { registrationId: 'My-SymKey-Device' };
    expect(bodyOf(service.poll(device, operationId, NOW_MS)).registrationState).toMatchObject(spelling);
    const final = bodyOf(service.poll(device, operationId, NOW_MS + 1000)).registrationState;
    expect(final).toMatchObject({ ...spelling, deviceId: 'My-SymKey-Device' });
    expect([...service.records(LATER_MS)]).toMatchObject([{ ...spelling, deviceId: 'My-SymKey-Device' }]);
    expect(service.registration(ID_SCOPE, 'my-symkey-device', LATER_MS)).toMatchObject(spelling);
  });

  it('a disabled individual enrollment answers in its own spelling', () => {
    const disabled = individualEnrollment({ registrationId: 'My-SymKey-Device', provisioningStatus: 'disabled' });
    const service = emulatedService(emulatedInstance({ individualEnrollments: [disabled] }));
    const { registrationState } = bodyOf(service.register(connected(service), '', NOW_MS));
    expect(registrationState).toEqual({ registrationId: 'My-SymKey-Device', status: 'disabled' });
  });
});

describe('behavior that can be chosen', () => {
  it('other api-versions are accepted, as long as they are dates', () => {
    const service = serviceWith({ otherApiVersions: 'accept' });
    const codes = ['2030-01-01', '2030-01-01-preview', '2026-13-45'].map(
      (version) => connect(service, { version }).returnCode,
    );
    expect(codes).toEqual([0, 0, 4]);
  });
});

describe('a device that registers without a pause', () => {
  it('can poll its latest operations, and costs no more memory than they do', () => {
    const service = emulatedService();
    const device = connected(service);
    const register = (nowMs: number): string => bodyOf(service.register(device, '', nowMs)).operationId;
    const ids = Array.from({ length: OPERATIONS_PER_DEVICE_MAX + 1 }, () => register(NOW_MS));
    const statuses = ids.map((id) => service.poll(device, id, NOW_MS + 10_000).status);
    expect(statuses).toEqual([404, ...ids.slice(1).map(() => 200)]);
    const before = heapMegabytes();
    for (let n = 0; n < 20_000; n += 1) register(NOW_MS);
    expect(heapMegabytes() - before).toBeLessThan(2);
  });

  it('takes nothing from others, and starts anew when its operations have expired', () => {
    const service = emulatedService();
    const other = connected(service, { id: 'other', key: deriveDeviceKey(GROUP_KEY, 'other') });
    const { operationId } = bodyOf(service.register(other, '', NOW_MS));
    const device = connected(service);
    for (let n = 0; n <= OPERATIONS_PER_DEVICE_MAX; n += 1) service.register(device, '', NOW_MS);
    expect(service.poll(other, operationId, NOW_MS + 10_000).status).toBe(200);
    const expiredMs = NOW_MS + SERVICE_BEHAVIOR_DEFAULT.operationLifetimeMs;
    const ids = Array.from(
      { length: OPERATIONS_PER_DEVICE_MAX },
      () => bodyOf(service.register(device, '', expiredMs)).operationId,
    );
    expect(ids.map((id) => service.poll(device, id, expiredMs + 1_000).status)).toEqual(ids.map(() => 200));
    expect(service.poll(other, operationId, expiredMs).status).toBe(404);
  });

  it('waits for the webhook that is still at work', () => {
    const customAllocationDefinition = { webhookUrl: 'http://webhook/', apiVersion: '2018-09-01-preview' };
    const custom = { allocationPolicy: 'custom', customAllocationDefinition } as const;
    const service = emulatedService(emulatedInstance({ individualEnrollments: [individualEnrollment(custom)] }));
    const device = connected(service);
    const register = () => service.register(device, '', NOW_MS);
    for (let n = 0; n < OPERATIONS_PER_DEVICE_MAX; n += 1) expect(register().status).toBe(202);
    expect(bodyOf(register()).errorCode).toBe(409203);
    const [first] = service.takeWebhookCalls();
    first?.settle({ kind: 'timed-out' }, NOW_MS);
    expect([register().status, register().status]).toEqual([202, 409]);
  });
});

it('a record keeps nothing of the user name but the registration ID', () => {
  const service = emulatedService();
  const before = heapMegabytes();
  for (let n = 0; n < 500; n += 1) {
    const id = `device-with-a-long-user-name-${n}`;
    const version = `2021-06-01&ClientVersion=${n}${'x'.repeat(60_000)}`;
    service.register(connected(service, { id, version, key: deriveDeviceKey(GROUP_KEY, id) }), '', NOW_MS);
  }
  expect(heapMegabytes() - before).toBeLessThan(5);
});

it('instances know nothing of each other', () => {
  const other = emulatedInstance({ idScope: '0ne00222222' });
  const service = emulatedService(emulatedInstance(), other);
  const { operationId } = bodyOf(service.register(connected(service), '', NOW_MS));
  const device = connected(service, { scope: other.idScope });
  expect(service.poll(device, operationId, NOW_MS + 1000).status).toBe(404);
  expect([...service.records(LATER_MS)]).toMatchObject([{ idScope: ID_SCOPE }]);
});

it('counts what it did', () => {
  const service = emulatedService();
  connect(service, { scope: '0neFFFFFFFF' });
  service.register(connected(service, { key: OTHER_KEY }), '', NOW_MS);
  finalAnswer(service, connected(service));
  expect(service.counters).toEqual({
    registrationAttempts: 2,
    attestationAttempts: 2,
    deviceAssignments: 1,
    connectsAccepted: 2,
    connectsRefused: { 3: 1 },
    polls: 1,
    registerAnswers: { 202: 1, 401: 1 },
    serviceApiAnswers: {},
    pollAnswers: { 200: 1 },
    faultsInjected: 0,
    faultRecordsDropped: 0,
  });
});

it('a device goes to the hub near its address, also where the latency region came after it connected', () => {
  const nearest = 'emulated-hub-2.azure-devices.net';
  const latencyRegions = [{ sourceAddresses: ['127.0.1.*'], registrationIds: [], latenciesMs: { [nearest]: 10 } }];
  const service = emulatedService(emulatedInstance({ allocationPolicy: 'geoLatency' }));
  const device = connected(service, { sourceAddress: '127.0.1.7' });
  service.configure([emulatedInstance({ allocationPolicy: 'geoLatency', latencyRegions })], NOW_MS);
  expect(bodyOf(finalAnswer(service, device)).registrationState.assignedHub).toBe(nearest);
});
