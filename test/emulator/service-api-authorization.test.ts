import { describe, expect, it } from 'vitest';
import { signedToken } from '../../src/dps/sas-token.ts';
import { PERMISSIONS, type SharedAccessPolicy } from '../../src/emulator/service/shared-access-policy.ts';
import { DEVICE_KEY, emulatedInstance, GROUP_KEY, OTHER_KEY } from '../support/emulated-instance.ts';
import { API_HOST, API_NOW_MS, OWNER_KEY, ownerToken, ServiceApiCaller } from '../support/service-api-caller.ts';

const ENROLLMENT = '/enrollments/my-symkey-device';

/** The status of a request with this header. */
function statusWith(
  authorization: string | undefined,
  { caller = new ServiceApiCaller(), path = ENROLLMENT, host = API_HOST } = {},
) {
  return caller.call('GET', path, undefined, { authorization, host }).status;
}

const EXPIRY = API_NOW_MS / 1000 + 60;
const parts = (token: string) => token.slice('SharedAccessSignature '.length).split('&');

describe('a token of the service API', () => {
  it('has the form of the documentation', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, byte) => byte)).toString('base64');
    expect(
      signedToken('contoso-dps.azure-devices-provisioning.net', key, 1_900_000_000, 'provisioningserviceowner'),
    ).toBe(
      'SharedAccessSignature sr=contoso-dps.azure-devices-provisioning.net&sig=BaeQFL2lir1YFnRzK88VbdiEfEyCk3cWXfoNEMKV14I%3D&se=1900000000&skn=provisioningserviceowner',
    );
  });

  it('is accepted with its members in any order', () => {
    const [sr, sig, se, skn] = parts(ownerToken());
    for (const order of [
      [sr, sig, se, skn],
      [sr, sig, skn, se],
      [skn, se, sig, sr],
    ]) {
      expect(statusWith(`SharedAccessSignature ${order.join('&')}`)).toBe(200);
    }
  });

  it.each([
    ['the host', API_HOST, 200],
    ['the host in capitals', API_HOST.toUpperCase(), 200],
    ['the host with a path that the request begins with', `${API_HOST}/enrollments`, 200],
    ['the host and a slash', `${API_HOST}/`, 200],
    ['the enrollment itself', `${API_HOST}/Enrollments/My-Symkey-Device`, 200],
    ['part of a path segment', `${API_HOST}/enroll`, 401],
    ['another enrollment', `${API_HOST}/enrollments/other`, 401],
    ['more than the request', `${API_HOST}/enrollments/my-symkey-device/attestationmechanism`, 401],
    ['another collection', `${API_HOST}/registrations`, 401],
    ['another host', 'other.azure-devices-provisioning.net', 401],
    ['a host that begins with this one', `${API_HOST}.example.net`, 401],
  ])('is for %s', (_, resource, status) => {
    expect(statusWith(ownerToken(resource))).toBe(status);
  });

  it.each<[string, string | undefined]>([
    ['no token', undefined],
    ['an empty one', ''],
    ['another key', ownerToken(API_HOST, OTHER_KEY)],
    ['the key of an enrollment group', ownerToken(API_HOST, GROUP_KEY)],
    ['an unknown policy', ownerToken(API_HOST, OWNER_KEY, 'iothubowner')],
    ['no policy', ownerToken(API_HOST, OWNER_KEY, null)],
    ['an expired one', signedToken(API_HOST, OWNER_KEY, API_NOW_MS / 1000 - 1, 'provisioningserviceowner')],
    ['another expiry than the signed one', ownerToken().replace(/se=(\d+)/, 'se=9$1')],
    ['another resource than the signed one', ownerToken(`${API_HOST}/enrollments`).replace('%2Fenrollments', '')],
    ['a repeated member', `${ownerToken()}&se=9999999999`],
    ['a Bearer token', 'Bearer eyJ0eXAiOiJKV1QifQ.e30.x'],
    ['Basic', 'Basic b3duZXI6a2V5'],
  ])('is refused: %s', (_, authorization) => {
    const caller = new ServiceApiCaller();
    const { answer } = caller.outcome('PUT', '/enrollments/new', { registrationId: 'new' }, { authorization });
    expect(answer).toMatchObject({ status: 401, headers: { 'x-ms-error-code': '401000' } });
    expect(JSON.parse(answer.body)).toMatchObject({ errorCode: 401_000, trackingId: expect.any(String) });
    expect(answer.body + answer.refusal).not.toMatch(/sig=|[A-Za-z0-9+/]{40}/);
  });

  it('is judged by the clock of its clients, with a tolerance if that is configured', () => {
    const expired = signedToken(API_HOST, OWNER_KEY, API_NOW_MS / 1000 - 5, 'provisioningserviceowner');
    expect(statusWith(expired, { caller: new ServiceApiCaller({ behavior: { clockSkewSeconds: 10 } }) })).toBe(200);
    const caller = new ServiceApiCaller();
    caller.nowMs += 24 * 3_600_000;
    caller.service.aheadMs = 24 * 3_600_000;
    expect(statusWith(ownerToken(), { caller })).toBe(200);
  });

  it('may be any Bearer token behind a switch', () => {
    const caller = new ServiceApiCaller({ api: { bearerTokens: 'accept' } });
    expect(statusWith('Bearer any', { caller })).toBe(200);
    expect(statusWith('Bearer ', { caller })).toBe(401);
  });
});

describe('several instances at one port', () => {
  const second = emulatedInstance({
    idScope: '0ne00222222',
    serviceHostName: 'second.azure-devices-provisioning.net',
    individualEnrollments: [],
  });
  const caller = () => new ServiceApiCaller({ instances: [emulatedInstance(), second] });

  it('are told apart by the Host header', () => {
    expect(statusWith(ownerToken(), { caller: caller() })).toBe(200);
    const host = 'Second.azure-devices-provisioning.net:8443';
    expect(statusWith(ownerToken(second.serviceHostName), { caller: caller(), host })).toBe(404);
    expect(statusWith(ownerToken(), { caller: caller(), host })).toBe(401);
  });

  it('else by the resource of the token', () => {
    const host = 'localhost:8443';
    expect(statusWith(ownerToken(second.serviceHostName), { caller: caller(), host })).toBe(404);
    expect(statusWith(ownerToken(API_HOST), { caller: caller(), host })).toBe(200);
  });

  it('else the first one is meant, under the name by which the client reaches it, with the port or without', () => {
    for (const resource of ['localhost', 'localhost:8443']) {
      expect(statusWith(ownerToken(resource), { caller: caller(), host: 'localhost:8443' })).toBe(200);
    }
    expect(statusWith(ownerToken('localhost'), { caller: caller(), host: '127.0.0.1:8443' })).toBe(401);
  });
});

describe('a shared access policy', () => {
  const policy = (settings: Partial<SharedAccessPolicy>): SharedAccessPolicy => ({
    name: 'line-a',
    primaryKey: DEVICE_KEY,
    secondaryKey: OTHER_KEY,
    permissions: PERMISSIONS,
    ...settings,
  });
  const callerWith = (settings: Partial<SharedAccessPolicy>, api = {}) =>
    new ServiceApiCaller({ instances: [emulatedInstance({ sharedAccessPolicies: [policy(settings)] })], api });
  const tokenOf = (key: string) => signedToken(API_HOST, key, EXPIRY, 'line-a');

  it('has two keys, and takes the place of the one that is made', () => {
    expect(statusWith(tokenOf(DEVICE_KEY), { caller: callerWith({}) })).toBe(200);
    expect(statusWith(tokenOf(OTHER_KEY), { caller: callerWith({}) })).toBe(200);
    expect(statusWith(tokenOf(GROUP_KEY), { caller: callerWith({}) })).toBe(401);
    expect(statusWith(ownerToken(), { caller: callerWith({}) })).toBe(401);
  });

  const GROUP = '/enrollmentGroups/default';
  it.each([
    ['GET', ENROLLMENT, 'EnrollmentRead'],
    ['GET', GROUP, 'EnrollmentRead'],
    ['POST', '/enrollments/query', 'EnrollmentRead'],
    ['PUT', ENROLLMENT, 'EnrollmentWrite'],
    ['DELETE', GROUP, 'EnrollmentWrite'],
    ['POST', '/enrollments', 'EnrollmentWrite'],
    ['POST', `${ENROLLMENT}/attestationmechanism`, 'EnrollmentWrite'],
    ['GET', '/registrations/dev-1', 'RegistrationStatusRead'],
    ['POST', '/registrations/default/query', 'RegistrationStatusRead'],
    ['DELETE', '/registrations/dev-1', 'RegistrationStatusWrite'],
  ] as const)('lets %s %s pass with %s alone', (method, path, needed) => {
    const ask = (settings: Partial<SharedAccessPolicy>, api = {}) =>
      callerWith(settings, api).call(method, path, {}, { authorization: tokenOf(DEVICE_KEY) }).status;
    const others = PERMISSIONS.filter((each) => each !== needed);
    expect(ask({ permissions: others })).toBe(401);
    expect(ask({ permissions: others }, { missingPermission: 'forbidden' })).toBe(403);
    expect([401, 403]).not.toContain(ask({ permissions: [needed] }));
  });
});
