import type { StateKind } from '../service/state-kind.ts';
import { parseLine } from '../service/state-kind.ts';
import type { DeviceIdentity } from './device-identity.ts';
import type { HubState } from './hub-state.ts';
import { identityLine, identityToLine, ReadAuthentications } from './identity-line.ts';

/**
 * What the hubs keep: identities and twins. How much a device has sent, and the subscriptions of its session, are not kept.
 *
 * @param hubOf creates the hub if nothing was known about it
 */
export function identityKind(hubs: () => Iterable<HubState>, hubOf: (hostName: string) => HubState): StateKind {
  const authentications = new ReadAuthentications();
  const find = (hub: string, deviceId: string): DeviceIdentity | null => hubOf(hub).identities.get(deviceId) ?? null;
  return {
    kind: 'identity',
    apply: (line) => {
      const { hub, deviceId, identity } = parseLine(identityLine, line);
      const { identities } = hubOf(hub);
      identities.delete(deviceId);
      if (identity === null) return;
      identities.set(deviceId, {
        ...identity,
        deviceId,
        leavesAtMs: identity.leavesAtMs ?? Number.POSITIVE_INFINITY,
        authentication: authentications.of(identity.authentication),
        telemetry: { messages: 0, bytes: 0, last: null },
        subscriptions: null,
      });
    },
    complete: (nowMs) => {
      for (const { identities } of hubs()) {
        for (const [deviceId, { leavesAtMs, sharesTwinWith, twin }] of identities) {
          if (leavesAtMs <= nowMs) identities.delete(deviceId);
          else if (sharesTwinWith !== null) {
            const next = find(sharesTwinWith.hub, sharesTwinWith.deviceId);
            if (next !== null) next.twin = twin;
          }
        }
      }
    },
    *lines() {
      for (const { hostName, identities } of hubs()) {
        for (const identity of identities.values()) yield identityToLine(hostName, identity);
      }
    },
  };
}

/** For an emulator that serves no hubs: what a file says about them goes. @param told of how many identities */
export function forgottenIdentities(told: (identities: number) => void): StateKind {
  let identities = 0;
  return {
    kind: 'identity',
    apply: () => {
      identities += 1;
    },
    complete: () => {
      if (identities > 0) told(identities);
    },
    lines: () => [],
  };
}
