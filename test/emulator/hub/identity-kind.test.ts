import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HubChange, HubRegistry } from '../../../src/emulator/hub/hub-registry.ts';
import { forgottenIdentities } from '../../../src/emulator/hub/identity-kind.ts';
import { twinView } from '../../../src/emulator/hub/twin.ts';
import type { DeviceAuthentication } from '../../../src/emulator/service/hub-assignment.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../../src/emulator/service/service-behavior.ts';
import { type StateLine, StateLineError } from '../../../src/emulator/service/state-kind.ts';
import { authority, parsed } from '../../support/certificates.ts';
import { DEVICE_KEY } from '../../support/emulated-instance.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const HUBS = ['hub-a.azure-devices.net', 'hub-b.azure-devices.net', 'hub-c.azure-devices.net'];
const DEVICES = ['dev-1', 'Dev-1'];
const CA = parsed(await authority('a CA'));

const AUTHENTICATIONS: readonly DeviceAuthentication[] = [
  { type: 'sas', primaryKey: DEVICE_KEY, secondaryKey: null },
  { type: 'selfSigned', thumbprints: ['AB12'] },
  { type: 'certificateAuthority', certificates: [CA] },
];

function registry(changes: StateLine[] | null = null): HubRegistry {
  const behavior = () => ({ ...SERVICE_BEHAVIOR_DEFAULT, hubIdentityDelayMs: 100 });
  return new HubRegistry([], { behavior, aheadMs: () => 0, ownNames: [], changes });
}

function restored(lines: Iterable<StateLine>, nowMs: number): HubRegistry {
  const hubs = registry();
  const kind = hubs.stateKind();
  for (const line of lines) kind.apply(JSON.parse(JSON.stringify(line)));
  kind.complete(nowMs);
  return hubs;
}

type Step = { readonly afterMs: number; readonly change: (nowMs: number) => HubChange };

const place = fc.record({ hub: fc.constantFrom(...HUBS), deviceId: fc.constantFrom(...DEVICES) });

const change = fc.oneof(
  fc
    .record({
      at: place,
      from: fc.option(fc.constantFrom(...HUBS)),
      substatus: fc.constantFrom(
        'initialAssignment' as const,
        'deviceDataMigrated' as const,
        'deviceDataReset' as const,
      ),
      authentication: fc.constantFrom(...AUTHENTICATIONS),
      inMs: fc.nat(300),
    })
    .map(
      ({ at, from, inMs, ...assigned }) =>
        (nowMs: number): HubChange => ({
          kind: 'assigned',
          ...at,
          ...assigned,
          movesFrom: from === null || from === at.hub ? null : { hub: from, deviceId: at.deviceId },
          iotEdge: false,
          initialTwin: { tags: { ä: 1 }, properties: { desired: { interval: 60 } } },
          atMs: nowMs + inMs,
        }),
    ),
  fc
    .record({
      at: place,
      section: fc.constantFrom('desired' as const, 'reported' as const),
      patch: fc.dictionary(
        fc.constantFrom('a', 'b', '__proto__'),
        fc.constantFrom<unknown[]>(1, null, { c: null }, { c: { d: [] } }),
      ),
    })
    .map(
      ({ at, ...twin }) =>
        (atMs: number): HubChange => ({ kind: 'twin', ...at, ...twin, atMs }),
    ),
  place.map(
    (at) =>
      (atMs: number): HubChange => ({ kind: 'status', ...at, status: 'disabled', atMs }),
  ),
  place.map(
    (at) =>
      (atMs: number): HubChange => ({ kind: 'removed', ...at, atMs }),
  ),
);

const steps: fc.Arbitrary<readonly Step[]> = fc.array(fc.record({ afterMs: fc.nat(200), change }), { maxLength: 20 });

/** What the hubs know of the devices, now and when all that is under way has ended. */
function seen(hubs: HubRegistry, nowMs: number): unknown {
  return [nowMs, nowMs + 150, nowMs + 1_000].map((atMs) =>
    HUBS.flatMap((hub) =>
      DEVICES.map((deviceId) => {
        const identity = hubs.find(hub, deviceId, atMs);
        if (identity === null) return null;
        const { status, authentication, createdAtMs, twin } = identity;
        return JSON.stringify({ status, authentication, createdAtMs, twin: twinView(twin) });
      }),
    ),
  );
}

describe('the lines about identities', () => {
  it('bring back identities and twins, from the changes and from the whole, and what is done next has the same effect', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const changes: StateLine[] = [];
        const hubs = registry(changes);
        let nowMs = NOW_MS;
        const play = (all: readonly Step[], registries: readonly HubRegistry[]): void => {
          for (const { afterMs, change: changeAt } of all) {
            nowMs += afterMs;
            for (const each of registries) each.apply(changeAt(nowMs));
          }
        };
        play(before, [hubs]);
        const copies = [restored(changes, nowMs), restored(hubs.stateKind().lines(), nowMs)];
        play(after, [hubs, ...copies]);
        const expected = seen(hubs, nowMs);
        for (const copy of copies) expect(seen(copy, nowMs)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('keep what a device reports while it moves, before a restart and after it', () => {
    const [hub = '', next = ''] = HUBS;
    const [authentication] = AUTHENTICATIONS;
    if (authentication === undefined) throw new Error('none');
    const deviceId = 'dev-1';
    const settings = { deviceId, authentication, iotEdge: false, initialTwin: null } as const;
    const changes: StateLine[] = [];
    const hubs = registry(changes);
    const movesFrom = { hub, deviceId };
    const moved = { movesFrom, substatus: 'deviceDataMigrated', hub: next, atMs: NOW_MS + 10_000 } as const;
    hubs.apply({ kind: 'assigned', ...settings, hub, substatus: 'initialAssignment', movesFrom: null, atMs: NOW_MS });
    hubs.apply({ kind: 'assigned', ...settings, ...moved });
    const report = (to: HubRegistry, name: string, atMs: number) =>
      to.apply({ kind: 'twin', section: 'reported', hub, deviceId, patch: { [name]: 1 }, atMs });
    const reportedAtNext = (of: HubRegistry) => of.find(next, deviceId, NOW_MS + 11_000)?.twin.reported.values;
    report(hubs, 'before', NOW_MS + 1_000);
    const copy = restored(changes, NOW_MS + 2_000);
    report(copy, 'after', NOW_MS + 3_000);
    expect(reportedAtNext(copy)).toEqual({ before: 1, after: 1 });
    expect(reportedAtNext(restored(changes, NOW_MS + 10_500))).toEqual({ before: 1 });
  });

  it('parse certificates that many devices share only once', () => {
    const hubs = registry();
    for (const deviceId of DEVICES) {
      const [, , authentication] = AUTHENTICATIONS;
      if (authentication === undefined) throw new Error('none');
      const settings = { movesFrom: null, authentication, iotEdge: false, initialTwin: null, atMs: NOW_MS } as const;
      hubs.apply({ kind: 'assigned', hub: 'hub', deviceId, substatus: 'initialAssignment', ...settings });
    }
    const copy = restored(hubs.stateKind().lines(), NOW_MS);
    const [one, other] = DEVICES.map((deviceId) => copy.find('hub', deviceId, NOW_MS + 1_000)?.authentication);
    if (one?.type !== 'certificateAuthority' || other?.type !== 'certificateAuthority') throw new Error('other type');
    expect(one.certificates[0]?.toString()).toBe(CA.toString());
    expect(one.certificates[0]).toBe(other.certificates[0]);
  });

  it('are refused where they are wrong', () => {
    const section = { values: {}, version: 1, updated: { atMs: 1, members: { a: { atMs: 'x', members: {} } } } };
    const identity = {
      createdAtMs: 1,
      knownFromMs: 1,
      leavesAtMs: null,
      status: 'enabled',
      authentication: AUTHENTICATIONS[1],
      iotEdge: false,
      twin: { desired: section, reported: section, tags: section },
      sharesTwinWith: null,
    };
    const apply = () =>
      registry().stateKind().apply({ kind: 'identity', idScope: null, hub: 'h', deviceId: 'd', identity });
    expect(apply).toThrow(StateLineError);
    expect(apply).toThrow('is not valid: identity.twin.desired: must be a section of a twin');
  });

  it('go, and are counted, where no hub port is served', () => {
    const told: number[] = [];
    const kind = forgottenIdentities((count) => told.push(count));
    for (const line of [1, 2]) kind.apply({ line });
    kind.complete(NOW_MS);
    expect([told, [...kind.lines()]]).toEqual([[2], []]);
  });
});
