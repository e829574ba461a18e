import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyedCertificate } from '../../../src/certificates/certificate.ts';
import { identityLine } from '../../../src/emulator/hub/device-identity.ts';
import type { HubConnectRequest } from '../../../src/emulator/hub/hub-connect.ts';
import { HubRegistry } from '../../../src/emulator/hub/hub-registry.ts';
import { twinForDevice } from '../../../src/emulator/hub/twin.ts';
import {
  type DeviceAuthentication,
  type HubAssignment,
  thumbprintOf,
} from '../../../src/emulator/service/hub-assignment.ts';
import { SERVICE_BEHAVIOR_DEFAULT, type ServiceBehavior } from '../../../src/emulator/service/service-behavior.ts';
import { authority, deviceCertificate, EXPIRED, parsed } from '../../support/certificates.ts';
import { DEVICE_KEY, OTHER_KEY, SECONDARY_KEY } from '../../support/emulated-instance.ts';
import { hubLogin } from '../../support/hub-devices.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const A = 'hub-a.azure-devices.net';
const B = 'hub-b.azure-devices.net';
const KEYS: DeviceAuthentication = { type: 'sas', primaryKey: DEVICE_KEY, secondaryKey: SECONDARY_KEY };
const TWIN = { properties: { desired: { interval: 60 } } };
const FROM_A = { hub: A, deviceId: 'dev-1' };

function registry(behavior: Partial<ServiceBehavior> = {}, aheadMs = 0): HubRegistry {
  const hubs = [{ hostName: A }, { hostName: B }];
  return new HubRegistry(hubs, {
    behavior: () => ({ ...SERVICE_BEHAVIOR_DEFAULT, ...behavior }),
    aheadMs: () => aheadMs,
    ownNames: ['localhost'],
    changes: null,
  });
}

function assignment(settings: Partial<HubAssignment> = {}): { kind: 'assigned' } & HubAssignment {
  return {
    kind: 'assigned',
    hub: A,
    deviceId: 'dev-1',
    substatus: 'initialAssignment',
    movesFrom: null,
    authentication: KEYS,
    iotEdge: false,
    initialTwin: TWIN,
    atMs: NOW_MS,
    ...settings,
  };
}

function assigned(settings: Partial<HubAssignment> = {}, behavior: Partial<ServiceBehavior> = {}): HubRegistry {
  const hubs = registry(behavior);
  hubs.apply(assignment(settings));
  return hubs;
}

function request(settings: Partial<HubConnectRequest> = {}): HubConnectRequest {
  const login = hubLogin({ hub: A, id: 'dev-1', key: DEVICE_KEY });
  return { ...login, certificates: [], sourceAddress: () => null, serverName: null, ...settings };
}

const token = (settings: object): string => hubLogin({ hub: A, id: 'dev-1', key: DEVICE_KEY, ...settings }).password;

/** The twin as the device at that hub gets it. */
function twinAt(hubs: HubRegistry, hub: string, nowMs = NOW_MS): object | null {
  const identity = hubs.find(hub, 'dev-1', nowMs);
  return identity === null ? null : twinForDevice(identity.twin);
}

function change(section: 'desired' | 'reported', patch: object, hub = A) {
  return { kind: 'twin', section, hub, deviceId: 'dev-1', patch: { ...patch }, atMs: NOW_MS } as const;
}

const NEW_TWIN = { desired: { interval: 60, $version: 1 }, reported: { $version: 1 } };
const CHANGED_TWIN = { desired: { interval: 5, $version: 2 }, reported: { fw: '1.2', $version: 2 } };

describe('an identity', () => {
  it('is created with what the enrollment says, and shows no key', () => {
    const hubs = assigned({ iotEdge: true, initialTwin: { ...TWIN, tags: { site: 'x' } } });
    const [line, ...others] = [...hubs.identities(NOW_MS)];
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      kind: 'identity',
      hub: A,
      deviceId: 'dev-1',
      status: 'enabled',
      authentication: { type: 'sas' },
      capabilities: { iotEdge: true },
      createdDateTimeUtc: '2026-01-01T00:00:00.0000000Z',
      twin: { tags: { site: 'x' }, properties: { desired: { interval: 60 } } },
      telemetry: { messages: 0, lastDateTimeUtc: null },
    });
    expect(JSON.stringify(line)).not.toContain(DEVICE_KEY);
    expect([...hubs.hubs(NOW_MS)]).toMatchObject([
      { hub: A, identities: 1 },
      { hub: B, identities: 0 },
    ]);
  });

  it('becomes known after the configured delay', () => {
    const hubs = assigned({}, { hubIdentityDelayMs: 1_000 });
    expect(hubs.connect(request(), NOW_MS + 999)).toMatchObject({
      returnCode: 5,
      reason: 'the hub has no such device',
    });
    expect(hubs.connect(request(), NOW_MS + 1_000)).toMatchObject({ returnCode: 0 });
  });

  it.each([
    ['migrates', 'deviceDataMigrated', CHANGED_TWIN],
    ['begins anew', 'deviceDataReset', NEW_TWIN],
  ] as const)('%s with the policy of its enrollment, when it moves; the one at the old hub goes then', (_, substatus, twin) => {
    const hubs = assigned();
    hubs.apply(change('desired', { interval: 5 }));
    hubs.apply(change('reported', { fw: '1.2' }));
    const atMs = NOW_MS + 200;
    hubs.apply(assignment({ hub: B, substatus, movesFrom: FROM_A, atMs }));
    expect([twinAt(hubs, A, atMs - 1), twinAt(hubs, B, atMs - 1)]).toEqual([CHANGED_TWIN, null]);
    expect([twinAt(hubs, A, atMs), twinAt(hubs, B, atMs)]).toEqual([null, twin]);
  });

  it('keeps what the device reports while it moves', () => {
    const hubs = assigned();
    hubs.apply(assignment({ hub: B, substatus: 'deviceDataMigrated', movesFrom: FROM_A, atMs: NOW_MS + 200 }));
    hubs.apply(change('reported', { last: 'words' }));
    expect(twinAt(hubs, B, NOW_MS + 200)).toMatchObject({ reported: { last: 'words' } });
  });

  it('that has left gives its twin to no later move from where it was', () => {
    const hubs = assigned();
    hubs.apply(assignment({ hub: B, movesFrom: FROM_A }));
    hubs.apply(assignment({ hub: B, movesFrom: FROM_A, substatus: 'deviceDataMigrated', atMs: NOW_MS + 1 }));
    expect(hubs.find(B, 'dev-1', NOW_MS + 1)?.createdAtMs).toBe(NOW_MS);
  });

  it('comes back to a hub that it left, as a new one', () => {
    const hubs = assigned();
    hubs.apply(assignment({ hub: B, substatus: 'deviceDataReset', movesFrom: FROM_A }));
    hubs.apply(change('reported', { fw: '2' }, B));
    hubs.apply(assignment({ substatus: 'deviceDataMigrated', movesFrom: { hub: B, deviceId: 'dev-1' } }));
    expect(twinAt(hubs, B)).toBeNull();
    expect(twinAt(hubs, A)).toMatchObject({ reported: { fw: '2' } });
  });

  it.each([
    'reprovisionedToInitialAssignment',
    'initialAssignment',
  ] as const)('stays with its twin when the device registers again at its hub (%s), enabled and with its new key', (substatus) => {
    const hubs = assigned();
    hubs.apply(change('reported', { fw: '1.2' }));
    hubs.apply({ kind: 'status', status: 'disabled', hub: A, deviceId: 'dev-1', atMs: NOW_MS });
    expect(hubs.connect(request(), NOW_MS)).toMatchObject({
      returnCode: 5,
      reason: 'the device is disabled at its hub',
    });
    hubs.apply(assignment({ substatus, authentication: { ...KEYS, primaryKey: OTHER_KEY } }));
    expect(hubs.connect(request(), NOW_MS)).toMatchObject({ returnCode: 5 });
    expect(hubs.connect(request({ password: token({ key: OTHER_KEY }) }), NOW_MS)).toMatchObject({ returnCode: 0 });
    expect(twinAt(hubs, A)).toMatchObject({ reported: { fw: '1.2' } });
  });

  it('ends what is connected when it goes, moves or is disabled', () => {
    const hubs = assigned();
    const answer = hubs.connect(request(), NOW_MS);
    if (answer.returnCode !== 0) throw new Error('refused');
    const { device } = answer;
    expect(hubs.endReason(device, NOW_MS)).toBeNull();
    hubs.apply({ kind: 'status', status: 'disabled', hub: A, deviceId: 'dev-1', atMs: NOW_MS });
    expect(hubs.endReason(device, NOW_MS)).toMatch(/disabled/);
    hubs.apply({ kind: 'removed', hub: A, deviceId: 'dev-1', atMs: NOW_MS });
    expect(hubs.endReason(device, NOW_MS)).toMatch(/not at this hub/);
    hubs.apply(assignment());
    expect(hubs.endReason(device, NOW_MS)).toMatch(/not at this hub/);
  });

  it('is the same from the same changes, which survive JSON', () => {
    const changes = [
      assignment(),
      change('reported', { fw: '1.2' }),
      assignment({ hub: B, substatus: 'deviceDataMigrated', movesFrom: FROM_A }),
      change('desired', { interval: null, x: [1] }, B),
    ];
    const [first, second] = [registry(), registry()];
    for (const each of changes) {
      first.apply(each);
      second.apply(JSON.parse(JSON.stringify(each)));
    }
    expect([...second.identities(NOW_MS)]).toEqual([...first.identities(NOW_MS)]);
    expect([...first.identities(NOW_MS)]).toMatchObject([{ hub: B, twin: { version: 3 } }]);
  });
});

describe('CONNECT at a hub', () => {
  it.each([
    ['with the primary key', {}],
    ['with the secondary key', { password: token({ key: SECONDARY_KEY }) }],
    ['with the server name of the hub', { serverName: A.toUpperCase() }],
    ['through a gateway with a name of its own', { serverName: 'localhost' }],
    ['with an older user name', { username: `${A}/dev-1/api-version=2016-11-14` }],
    ['with another case of the hub', { username: `${A.toUpperCase()}/dev-1/?api-version=2021-04-12` }],
  ])('is accepted %s', (_, settings) => {
    const hubs = assigned();
    expect(hubs.connect(request(settings), NOW_MS)).toMatchObject({ returnCode: 0, waitMs: 0 });
    expect([...hubs.hubs(NOW_MS)][0]).toMatchObject({ connectsAccepted: 1 });
  });

  it.each([
    ['no user name', { username: null }, 4, /malformed user name/],
    ['the user name of a module', { username: `${A}/dev-1/m/?api-version=2021-04-12` }, 4, /malformed user name/],
    ['no api-version', { username: `${A}/dev-1/?x=y` }, 4, /malformed user name/],
    ['an impossible api-version', { username: `${A}/dev-1/?api-version=2021-13-45` }, 4, /api-version/],
    [
      'a hub that is not linked',
      { username: 'other.azure-devices.net/dev-1/?api-version=2021-04-12' },
      5,
      /not linked/,
    ],
    ['the server name of another hub', { serverName: B }, 5, /SNI/],
    ['another client ID', { clientId: 'DEV-1' }, 5, /client ID/],
    ['an unknown device', { clientId: 'x', username: `${A}/x/?api-version=2021-04-12` }, 5, /no such device/],
    ['a device of another hub', { username: `${B}/dev-1/?api-version=2021-04-12` }, 5, /no such device/],
    ['a wrong key', { password: token({ key: OTHER_KEY }) }, 5, /none of the device's keys/],
    ['an expired token', { password: token({ expiryEpochSeconds: NOW_MS / 1000 - 1 }) }, 5, /expired/],
    ['a token for another hub', { password: token({ hub: B }) }, 5, /another resource/],
    ['a token for another device', { password: token({ id: 'dev-2' }) }, 5, /another resource/],
    ['no token', { password: 'secret' }, 5, /malformed SAS token/],
    ['neither token nor certificate', { password: null }, 5, /neither/],
  ])('is refused with %s', (_, settings, returnCode, reason) => {
    expect(assigned().connect(request(settings), NOW_MS)).toEqual({
      returnCode,
      reason: expect.stringMatching(reason),
    });
  });

  it('judges tokens by the real time, not by the one that was put forward', () => {
    const expiryEpochSeconds = NOW_MS / 1000 + 60;
    const hubs = registry({}, 3_600_000);
    hubs.apply(assignment());
    const password = token({ expiryEpochSeconds });
    const later = NOW_MS + 3_600_000;
    expect(hubs.connect(request({ password }), later)).toMatchObject({ returnCode: 0, device: { endsInMs: 60_000 } });
    expect(hubs.connect(request({ password }), later + 60_001)).toMatchObject({ returnCode: 5 });
  });

  it('follows its configuration, and forgets its devices', () => {
    const hubs = assigned({}, { hubBurstMs: 0, hubQueueMs: 0 });
    hubs.configure([{ hostName: A, sku: 'S1' }, { hostName: 'new.azure-devices.net' }]);
    expect([1, 2].map(() => hubs.connect(request(), NOW_MS).returnCode)).toEqual([0, null]);
    hubs.configure([{ hostName: A.toUpperCase(), sku: 'S1', units: 2 }]);
    expect(hubs.connect(request(), NOW_MS).returnCode).toBeNull();
    hubs.configure([{ hostName: A }]);
    expect(hubs.connect(request(), NOW_MS).returnCode).toBe(0);
    hubs.reset();
    expect(
      [...hubs.hubs(NOW_MS)].map(({ hub, identities, connectsAccepted }) => [hub, identities, connectsAccepted]),
    ).toEqual([
      [A, 0, 0],
      [B, 0, 0],
      ['new.azure-devices.net', 0, 0],
    ]);
  });

  it('counts what it refuses, by hub', () => {
    const hubs = assigned();
    hubs.connect(request({ password: 'secret' }), NOW_MS);
    hubs.connect(request({ username: 'nowhere' }), NOW_MS);
    expect([...hubs.hubs(NOW_MS)][0]).toMatchObject({ connectsAccepted: 0, connectsRefused: { 5: 1 } });
  });

  it('waits, and is then closed, when the hub has too few units', () => {
    const behavior = { ...SERVICE_BEHAVIOR_DEFAULT, hubBurstMs: 0, hubQueueMs: 15 };
    const hubs = new HubRegistry([{ hostName: A, sku: 'S1' }], {
      behavior: () => behavior,
      aheadMs: () => 0,
      ownNames: [],
      changes: null,
    });
    hubs.apply(assignment());
    const answers = [1, 2, 3, 4].map(() => hubs.connect(request(), NOW_MS));
    expect(answers).toMatchObject([
      { returnCode: 0, waitMs: 0 },
      { returnCode: 0, waitMs: 10 },
      { returnCode: null, reason: expect.stringMatching(/units/) },
      { returnCode: null },
    ]);
    expect([...hubs.hubs(NOW_MS)][0]).toMatchObject({ connectsAccepted: 2, connectsDelayed: 1, connectsDropped: 2 });
  });

  describe('with a certificate', () => {
    let line: KeyedCertificate;
    let leaf: KeyedCertificate;
    let others: Readonly<Record<'renewed' | 'stranger' | 'otherName' | 'expired', KeyedCertificate>>;
    beforeAll(async () => {
      const root = await authority('Root');
      line = await authority('Line', root);
      const [renewed, stranger, otherName, expired] = await Promise.all([
        deviceCertificate('dev-1', line),
        deviceCertificate('dev-1', root),
        deviceCertificate('dev-2', line),
        deviceCertificate('dev-1', line, EXPIRED),
      ]);
      leaf = await deviceCertificate('dev-1', line);
      others = { renewed, stranger, otherName, expired };
    });

    const connect = (authentication: DeviceAuthentication, ...chain: KeyedCertificate[]) =>
      assigned({ authentication }).connect(request({ password: null, certificates: chain.map(parsed) }), NOW_MS);

    it('of the enrollment: by thumbprint', () => {
      const enrolled: DeviceAuthentication = { type: 'selfSigned', thumbprints: [thumbprintOf(parsed(leaf))] };
      expect(connect(enrolled, leaf)).toMatchObject({ returnCode: 0, device: { endsInMs: Number.POSITIVE_INFINITY } });
      expect(connect(enrolled, others.renewed, line)).toMatchObject({ reason: expect.stringMatching(/thumbprint/) });
      expect(connect(KEYS, leaf)).toMatchObject({ reason: expect.stringMatching(/SAS token/) });
      expect(assigned({ authentication: enrolled }).connect(request(), NOW_MS)).toMatchObject({ returnCode: 5 });
    });

    it('of a group: by authority and name', () => {
      const ofGroup: DeviceAuthentication = { type: 'certificateAuthority', certificates: [parsed(line)] };
      expect(connect(ofGroup, leaf)).toMatchObject({ returnCode: 0 });
      expect(connect(ofGroup, others.renewed, line)).toMatchObject({ returnCode: 0 });
      expect(connect(ofGroup, others.stranger)).toMatchObject({ reason: expect.stringMatching(/authority/) });
      expect(connect(ofGroup, others.otherName)).toMatchObject({ reason: expect.stringMatching(/common name/) });
      expect(connect(ofGroup, others.expired)).toMatchObject({ reason: expect.stringMatching(/expired/) });
    });
  });
});

describe('what a device sends', () => {
  function connected(hubs: HubRegistry) {
    const answer = hubs.connect(request(), NOW_MS);
    if (answer.returnCode !== 0) throw new Error('refused');
    return answer.device;
  }

  it('is counted, with the properties of the last message', () => {
    const hubs = assigned();
    const device = connected(hubs);
    hubs.receive(device, { properties: '', isRetained: false, bytes: 10 }, NOW_MS);
    hubs.receive(device, { properties: 'a=1&b=%C3%A9&c&d=%zz', isRetained: true, bytes: 20 }, NOW_MS + 1_000);
    expect(identityLine(A, device.identity).telemetry).toEqual({
      messages: 2,
      bytes: 30,
      lastDateTimeUtc: '2026-01-01T00:00:01.0000000Z',
      lastProperties: { a: '1', b: 'é', c: '', d: '%zz', 'mqtt-retain': 'true' },
    });
    expect([...hubs.hubs(NOW_MS)][0]).toMatchObject({ telemetryMessages: 2, telemetryBytes: 30 });
  });

  it('takes no more memory than ten short properties', () => {
    const hubs = assigned();
    const device = connected(hubs);
    const properties = Array.from({ length: 1_000 }, (_, index) => `p${index}=${'x'.repeat(1_000)}`).join('&');
    hubs.receive(device, { properties, isRetained: false, bytes: properties.length }, NOW_MS);
    const { lastProperties } = identityLine(A, device.identity).telemetry;
    expect(Object.keys(lastProperties)).toHaveLength(10);
    expect(JSON.stringify(lastProperties).length).toBeLessThan(2_000);
  });

  it('updates reported properties, or says why not', () => {
    const hubs = assigned();
    const device = connected(hubs);
    expect(hubs.report(device, { fw: '1.2' }, NOW_MS)).toBeNull();
    expect(hubs.report(device, { $fw: '1.2' }, NOW_MS)).toMatch(/a name with/);
    expect(hubs.report(device, null, NOW_MS)).toMatch(/not a JSON object/);
    expect(twinForDevice(hubs.readTwin(device))).toMatchObject({ reported: { fw: '1.2', $version: 2 } });
    expect([...hubs.hubs(NOW_MS)][0]).toMatchObject({ twinReads: 1, twinUpdates: 1 });
  });
});
