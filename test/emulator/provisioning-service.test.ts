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
  SECONDARY_KEY,
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
  const token = buildSasToken(ID_SCOPE, 'my-symkey-device', DEVICE_KEY, EXPIRY);
  it.each<[name: string, login: Login, returnCode: number]>([
    ['the right identity', {}, 0],
    ['a key that no enrollment has: judged later', { key: OTHER_KEY }, 0],
    ['an ID that no enrollment has: judged later', { id: 'stranger' }, 0],
    ['another case', { clientId: 'MY-SYMKEY-DEVICE' }, 0],
    ['unknown ID scope', { scope: '0neFFFFFFFF' }, 3],
    ['another client ID', { clientId: 'another' }, 5],
    ['no password', { password: null }, 5],
    ['no token', { password: 'secret' }, 5],
    ['expired token', { password: buildSasToken(ID_SCOPE, 'my-symkey-device', DEVICE_KEY, NOW_MS / 1000 - 1) }, 5],
    ['token of another device', { id: 'another', password: token }, 5],
    ['illegal registration ID', { id: 'no blanks' }, 4],
    ['no api-version', { version: '' }, 4],
    ['an api-version of another form', { version: 'latest' }, 4],
    ['an api-version that is no date', { version: '2026-13-45' }, 4],
    ['an api-version that is no day of the calendar', { version: '2026-02-30-preview' }, 4],
    ['an unknown api-version', { version: '2020-01-01' }, 4],
    ['the preview of a version that has none', { version: '2021-06-01-preview' }, 4],
    ['the oldest known api-version', { version: '2017-08-31-preview' }, 0],
    ['the newest known api-version', { version: '2026-11-15-preview' }, 0],
  ])('%s', (_, login, returnCode) => {
    expect(connect(emulatedService(), login).returnCode).toBe(returnCode);
  });

  it.each([
    ['2026-13-45', 'malformed api-version'],
    ['2020-01-01', 'unknown api-version 2020-01-01'],
  ])('says what is wrong with the api-version %s', (version, reason) => {
    expect(connect(emulatedService(), { version })).toMatchObject({ reason });
  });

  it('a user name of another form: 4', () => {
    for (const username of [
      null,
      '',
      'me',
      `${ID_SCOPE}/my-symkey-device`,
      `${ID_SCOPE}/registrations/my-symkey-device`,
    ]) {
      expect(
        emulatedService().connect(
          { clientId: 'me', username, password: token, certificates: [], sourceAddress: () => null },
          NOW_MS,
        ).returnCode,
      ).toBe(4);
    }
  });
});

/** Tokens as the official SDKs write them: all of them are taken by the real service. */
const sdkTokens = [
  [
    'C',
    'SharedAccessSignature sr=0ne00111111%2Fregistrations%2Fmy-symkey-device&sig=8VPprb8BiTkuVE0hBqHm%2FSVrzVpdD8VZcXugntdbhuU%3D&se=1663952627&skn=registration',
  ],
  [
    'Node',
    'SharedAccessSignature sr=0ne00111111/registrations/my-symkey-device&sig=nywv584Rsikp8eagkd4XnrDkLPXMGakB0DWzqcS0hPQ%3D&skn=registration&se=1663952627',
  ],
  [
    'Java',
    'SharedAccessSignature sr=0ne00111111/registrations/my-symkey-device&sig=nywv584Rsikp8eagkd4XnrDkLPXMGakB0DWzqcS0hPQ%3D&se=1663952627&skn=',
  ],
  [
    'C# v1',
    'SharedAccessSignature sr=0ne00111111%2Fregistrations%2Fmy-symkey-device&sig=8VPprb8BiTkuVE0hBqHm%2FSVrzVpdD8VZcXugntdbhuU%3D&se=1663952627&skn=registration',
  ],
  [
    'C# v2',
    'SharedAccessSignature sr=0ne00111111%2Fregistrations%2Fmy-symkey-device&sig=8VPprb8BiTkuVE0hBqHm%2fSVrzVpdD8VZcXugntdbhuU%3d&se=1663952627',
  ],
  [
    'azure-docs#43157, in yet another order',
    'SharedAccessSignature sr=0ne00111111/registrations/my-symkey-device&skn=registration&sig=nywv584Rsikp8eagkd4XnrDkLPXMGakB0DWzqcS0hPQ%3D&se=1663952627',
  ],
  [
    'Python',
    'SharedAccessSignature sr=0ne00111111%2Fregistrations%2Fmy-symkey-device&sig=8VPprb8BiTkuVE0hBqHm%2FSVrzVpdD8VZcXugntdbhuU%3D&se=1663952627',
  ],
  [
    'embedded C',
    'SharedAccessSignature sr=0ne00111111%2fregistrations%2fmy-symkey-device&sig=6GqlY2Tr8xDlSYE04oQcdEH7vznSt2LcTUobz9BmpAY%3D&se=1663952627',
  ],
] as const;

describe('attestation with symmetric keys', () => {
  it.each(sdkTokens)('takes the token of the %s SDK', (_, password) => {
    const service = emulatedService();
    const nowMs = 1_663_952_000_000;
    const username = `${ID_SCOPE}/registrations/my-symkey-device/api-version=2019-03-31`;
    const answer = service.connect(
      { clientId: 'my-symkey-device', username, password, certificates: [], sourceAddress: () => null },
      nowMs,
    );
    if (answer.returnCode !== 0) throw new Error(answer.reason);
    expect(service.register(answer.device, '', nowMs).status).toBe(202);
  });

  it('takes a token whose resource is in lower case, as IoT Edge writes it', () => {
    const id = 'My-SymKey-Device';
    const service = emulatedService(emulatedInstance({ idScope: '0ne0ABCDEF0' }));
    const password = buildSasToken('0ne0abcdef0', id.toLowerCase(), DEVICE_KEY, EXPIRY);
    const device = connected(service, { id, scope: '0ne0ABCDEF0', password });
    expect(service.register(device, '', NOW_MS).status).toBe(202);
  });

  it('takes a + that was not percent-encoded for the blank that it stands for: 401', () => {
    const service = emulatedService();
    const expiry = Array.from({ length: 1_000 }, (_, n) => EXPIRY + n).find((one) =>
      buildSasToken(ID_SCOPE, 'my-symkey-device', DEVICE_KEY, one).includes('%2B'),
    );
    const encoded = buildSasToken(ID_SCOPE, 'my-symkey-device', DEVICE_KEY, expiry ?? 0);
    const statuses = [encoded, encoded.replaceAll('%2B', '+')].map(
      (password) => service.register(connected(service, { password }), '', NOW_MS).status,
    );
    expect(statuses).toEqual([202, 401]);
  });

  const groupDevice = 'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6';
  it.each<[name: string, login: Login, status: number]>([
    ['primary key of an individual enrollment', {}, 202],
    ['its secondary key', { key: SECONDARY_KEY }, 202],
    ['another key', { key: OTHER_KEY }, 401],
    ['key derived of the group key', { id: groupDevice, key: 'Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=' }, 202],
    ['the group key itself', { id: groupDevice, key: GROUP_KEY }, 401],
    ['derived key of another device', { id: groupDevice, key: deriveDeviceKey(GROUP_KEY, 'another') }, 401],
    [
      'group key for a device that is enrolled individually',
      { key: deriveDeviceKey(GROUP_KEY, 'my-symkey-device') },
      401,
    ],
  ])('%s: %i', (_, login, status) => {
    const service = emulatedService();
    const answer = service.register(connected(service, login), '', NOW_MS);
    expect(answer.status).toBe(status);
    if (status === 401) expect(bodyOf(answer)).toMatchObject({ errorCode: 401000, message: 'Unauthorized' });
  });

  it('finds the group of the device among several', () => {
    const [group] = emulatedInstance().enrollmentGroups;
    if (group === undefined) throw new Error('no group');
    const keys = { kind: 'symmetricKey', primaryKey: OTHER_KEY, secondaryKey: SECONDARY_KEY } as const;
    const other = { ...group, enrollmentGroupId: 'other', attestation: keys };
    const service = emulatedService(emulatedInstance({ enrollmentGroups: [group, other] }));
    service.register(connected(service, { id: 'a', key: deriveDeviceKey(SECONDARY_KEY, 'a') }), '', NOW_MS);
    expect([...service.records(LATER_MS)][0]?.enrollmentGroupId).toBe('other');
  });

  it('prefers an enabled group where a disabled one has the same key', () => {
    const [enabled] = emulatedInstance().enrollmentGroups;
    if (enabled === undefined) throw new Error('no group');
    const disabled = { ...enabled, enrollmentGroupId: 'old', provisioningStatus: 'disabled' } as const;
    const service = emulatedService(emulatedInstance({ enrollmentGroups: [disabled, enabled] }));
    const device = connected(service, { id: 'a', key: deriveDeviceKey(GROUP_KEY, 'a') });
    expect(service.register(device, '', NOW_MS).status).toBe(202);
  });

  it.each(['individual', 'group'])('answers disabled for a disabled %s enrollment, and records nothing', (kind) => {
    const disabled = { provisioningStatus: 'disabled' } as const;
    const groups = emulatedInstance().enrollmentGroups.map((group) => ({ ...group, ...disabled }));
    const individuals = [individualEnrollment(disabled)];
    const service = emulatedService(emulatedInstance({ enrollmentGroups: groups, individualEnrollments: individuals }));
    const login = kind === 'group' ? { id: 'a', key: deriveDeviceKey(GROUP_KEY, 'a') } : {};
    const device = connected(service, login);
    const answer = service.register(device, '', NOW_MS);
    expect(answer.status).toBe(200);
    const { registrationId } = device;
    expect(bodyOf(answer)).toEqual({
      operationId: '',
      status: 'disabled',
      registrationState: { registrationId, status: 'disabled' },
    });
    expect([...service.records(LATER_MS)]).toEqual([]);
  });
});

it.each([
  ['its own', DEVICE_KEY],
  ["its group's", deriveDeviceKey(GROUP_KEY, 'my-symkey-device')],
  ['another', OTHER_KEY],
])('a disabled individual enrollment blocks a device of a group that signs with %s key', (_, key) => {
  const individualEnrollments = [individualEnrollment({ provisioningStatus: 'disabled' })];
  const service = emulatedService(emulatedInstance({ individualEnrollments }));
  const answer = service.register(connected(service, { key }), '', NOW_MS);
  expect([answer.status, bodyOf(answer).status]).toEqual([200, 'disabled']);
});

describe('register request', () => {
  it.each([
    ['', 202],
    [' ', 202],
    ['{}', 202],
    ['{"payload":null}', 202],
    ['{"registrationId":"my-symkey-device"}', 202],
    ['{"registrationId":"MY-SYMKEY-DEVICE","payload":{"a":1}}', 202],
    ['{"registrationId":"another"}', 400],
    ['{"registrationId":7}', 400],
    ['{', 400],
    ['[]', 400],
    ['"text"', 400],
  ])('body %j: %i', (body, status) => {
    const service = emulatedService();
    const answer = service.register(connected(service), body, NOW_MS);
    expect(answer.status).toBe(status);
    if (status === 400) expect(bodyOf(answer).errorCode).toBe(400000);
  });

  it('is accepted with an operation, and nothing of the registration', () => {
    const service = emulatedService();
    const answer = service.register(connected(service), '', NOW_MS);
    expect(answer.retryAfterSeconds).toBe(3);
    expect(bodyOf(answer)).toEqual({
      operationId: expect.stringMatching(/^5\.[0-9a-f]{16}\.[0-9a-f-]{36}$/),
      status: 'assigning',
    });
  });

  it('makes a new operation each time, with the same middle part for the same device', () => {
    const service = emulatedService();
    const parts = [1, 2].map((n) =>
      bodyOf(service.register(connected(service), '', NOW_MS + n)).operationId.split('.'),
    );
    expect(parts[0][1]).toBe(parts[1][1]);
    expect(parts[0][2]).not.toBe(parts[1][2]);
  });
});

describe('poll', () => {
  it('is told assigning until the assignment is done, then the hub, and again', () => {
    const service = emulatedService();
    const device = connected(service);
    const { operationId } = bodyOf(service.register(device, '', NOW_MS));
    const early = service.poll(device, operationId, NOW_MS + 199);
    expect(early).toMatchObject({ status: 202, retryAfterSeconds: 3 });
    expect(bodyOf(early)).toEqual({
      operationId,
      status: 'assigning',
      registrationState: { registrationId: 'my-symkey-device', status: 'assigning' },
    });
    const done = service.poll(device, operationId, NOW_MS + 200);
    expect(done).toMatchObject({ status: 200, retryAfterSeconds: null });
    expect(bodyOf(done)).toEqual({
      operationId,
      status: 'assigned',
      registrationState: {
        registrationId: 'my-symkey-device',
        createdDateTimeUtc: '2026-01-01T00:00:00.0000000Z',
        assignedHub: expect.stringMatching(/^emulated-hub-[123]\.azure-devices\.net$/),
        deviceId: 'my-symkey-device',
        status: 'assigned',
        substatus: 'initialAssignment',
        lastUpdatedDateTimeUtc: '2026-01-01T00:00:00.2000000Z',
        etag: expect.any(String),
      },
    });
    expect(service.poll(device, operationId, NOW_MS + 60_000)).toEqual(done);
    const otherConnection = connected(service, { key: SECONDARY_KEY });
    expect(service.poll(otherConnection, operationId, NOW_MS + 60_000)).toEqual(done);
  });

  it('has members in the order of the captures', () => {
    const service = emulatedService();
    const state = bodyOf(finalAnswer(service, connected(service))).registrationState;
    const order = 'registrationId createdDateTimeUtc assignedHub deviceId status substatus lastUpdatedDateTimeUtc etag';
    expect(Object.keys(state).join(' ')).toBe(order);
  });

  it("the entity tag's last group is the time of the update", () => {
    const service = emulatedService();
    const tag = Buffer.from(
      bodyOf(finalAnswer(service, connected(service))).registrationState.etag,
      'base64',
    ).toString();
    const [, seconds = ''] = /^"[0-9a-f]{8}-0000-0300-0000-([0-9a-f]{8})0000"$/.exec(tag) ?? [];
    expect(Number.parseInt(seconds, 16)).toBe(NOW_MS / 1000);
  });

  it('of an unknown, a foreign or an expired operation: 404203', () => {
    const service = emulatedService();
    const device = connected(service);
    const { operationId } = bodyOf(service.register(device, '', NOW_MS));
    const stranger = connected(service, { id: 'a', key: deriveDeviceKey(GROUP_KEY, 'a') });
    const lifetimeMs = SERVICE_BEHAVIOR_DEFAULT.operationLifetimeMs;
    for (const answer of [
      service.poll(device, '5.0.0', NOW_MS),
      service.poll(stranger, operationId, NOW_MS + 1000),
      service.poll(device, operationId, NOW_MS + lifetimeMs),
    ]) {
      expect(answer.status).toBe(404);
      expect(bodyOf(answer)).toMatchObject({ errorCode: 404203, message: 'Operation not found.' });
    }
    expect(service.poll(device, operationId, NOW_MS + lifetimeMs - 1).status).toBe(200);
  });

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
  it.each([
    ['2021-06-01', 'reprovisionedToInitialAssignment'],
    ['2019-04-15', 'reprovisionedToInitialAssignment'],
    ['2019-03-31', 'initialAssignment'],
  ])('with api-version %s keeps hub and creation, and is told %s', (version, substatus) => {
    const service = emulatedService();
    const first = bodyOf(finalAnswer(service, connected(service))).registrationState;
    const again = bodyOf(finalAnswer(service, connected(service, { version }), NOW_MS + 60_000)).registrationState;
    expect(again.assignedHub).toBe(first.assignedHub);
    expect(again.createdDateTimeUtc).toBe(first.createdDateTimeUtc);
    expect(again.lastUpdatedDateTimeUtc).not.toBe(first.lastUpdatedDateTimeUtc);
    expect(again.etag).not.toBe(first.etag);
    expect(again.substatus).toBe(substatus);
  });

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

  it('gives the device ID of the individual enrollment', () => {
    const individualEnrollments = [individualEnrollment({ deviceId: 'pump-7' })];
    const service = emulatedService(emulatedInstance({ individualEnrollments }));
    expect(bodyOf(finalAnswer(service, connected(service))).registrationState.deviceId).toBe('pump-7');
  });
});

describe('behavior that can be chosen', () => {
  it('a malformed user name is not authorized', () => {
    expect(connect(serviceWith({ malformedUsernameCode: 5 }), { version: 'latest' }).returnCode).toBe(5);
  });

  it('other api-versions are accepted, as long as they are dates', () => {
    const service = serviceWith({ otherApiVersions: 'accept' });
    const codes = ['2030-01-01', '2030-01-01-preview', '2026-13-45'].map(
      (version) => connect(service, { version }).returnCode,
    );
    expect(codes).toEqual([0, 0, 4]);
  });

  it.each([
    ['as-written', [202, 401]],
    ['lower', [401, 202]],
  ] as const)('the device key is derived of the ID %s', (derivationCase, expected) => {
    const service = serviceWith({ derivationCase });
    const statuses = ['Dev-A', 'dev-a'].map(
      (derivedFrom) =>
        service.register(connected(service, { id: 'Dev-A', key: deriveDeviceKey(GROUP_KEY, derivedFrom) }), '', NOW_MS)
          .status,
    );
    expect(statuses).toEqual(expected);
  });

  it('an expired token is taken within the clock skew', () => {
    const password = buildSasToken(ID_SCOPE, 'my-symkey-device', DEVICE_KEY, NOW_MS / 1000 - 60);
    const codes = [59, 60].map(
      (clockSkewSeconds) => connect(serviceWith({ clockSkewSeconds }), { password }).returnCode,
    );
    expect(codes).toEqual([5, 0]);
  });

  it('answers a disabled and an unknown device as other services do', () => {
    const service = serviceWith({ disabledAnswer: 'unauthorized', unknownAnswer: 'not-found' }, [
      emulatedInstance({ individualEnrollments: [individualEnrollment({ provisioningStatus: 'disabled' })] }),
    ]);
    const told = (login: Login) => bodyOf(service.register(connected(service, login), '', NOW_MS)).errorCode;
    expect([told({}), told({ id: 'stranger', key: OTHER_KEY })]).toEqual([401000, 404201]);
  });

  it('the final answer names the group', () => {
    const service = serviceWith({ namesEnrollmentGroup: true });
    const device = connected(service, { id: 'a', key: deriveDeviceKey(GROUP_KEY, 'a') });
    expect(bodyOf(finalAnswer(service, device)).registrationState.symmetricKey).toEqual({
      enrollmentGroupId: 'default',
    });
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
