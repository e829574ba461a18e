import type { JsonObject } from '../../dps/json-object.ts';
import type { RefusedConnect } from '../service/connect-check.ts';
import type { HubAssignment } from '../service/hub-assignment.ts';
import type { ServiceBehavior } from '../service/service-behavior.ts';
import { count } from '../service/service-counters.ts';
import type { StateKind, StateLine } from '../service/state-kind.ts';
import {
  type DeviceIdentity,
  type IdentityLine,
  type IdentityStatus,
  identityLine,
  messageProperties,
} from './device-identity.ts';
import { checkHubConnect, type HubConnectRequest, hubOf, type ProvenDevice } from './hub-connect.ts';
import { type HubCounters, type HubSettings, HubState } from './hub-state.ts';
import { identityKind } from './identity-kind.ts';
import { deletedIdentityLine, identityToLine } from './identity-line.ts';
import { newTwin, patched, patchProblem, type Twin, type TwinSectionName } from './twin.ts';

/** Everything that changes identities and twins. The same changes in the same order make the same hubs. */
export type HubChange =
  | ({ readonly kind: 'assigned' } & HubAssignment)
  | (Changed & { readonly kind: 'twin'; readonly section: TwinSectionName; readonly patch: JsonObject })
  | (Changed & { readonly kind: 'status'; readonly status: IdentityStatus })
  | (Changed & { readonly kind: 'removed' });

/** `atMs`: milliseconds since 1970. */
type Changed = { readonly hub: string; readonly deviceId: string; readonly atMs: number };

/** An accepted CONNECT waits for `waitMs`, or is closed without an answer. */
export type HubConnectAnswer =
  | { readonly returnCode: 0; readonly device: ProvenDevice; readonly waitMs: number }
  | { readonly returnCode: null; readonly reason: string }
  | RefusedConnect;

/** One hub as a line of the records file. */
export type HubLine = HubCounters & { readonly kind: 'hub'; readonly hub: string; readonly identities: number };

/** What one telemetry message counts. */
export type TelemetryMessage = {
  readonly properties: string;
  readonly isRetained: boolean;
  /** Of topic and payload. */
  readonly bytes: number;
};

type RegistryOptions = {
  /** May change at any time. */
  readonly behavior: () => ServiceBehavior;
  /** How far `nowMs` is ahead of the time by which tokens and certificates are valid. */
  readonly aheadMs: () => number;
  readonly ownNames: readonly string[];
  /** Gets what changes, for whoever keeps the state and takes it out; `null` = nobody does. */
  readonly changes: StateLine[] | null;
};

/**
 * The linked hubs of all instances, without network or clock: identities and twins, CONNECT, and what devices send. `nowMs` is
 * milliseconds since 1970 and must not go backwards. Two instances that link the same hub share it.
 */
export class HubRegistry {
  /** By host name in lower case. */
  readonly #hubs = new Map<string, HubState>();
  readonly #behavior: () => ServiceBehavior;
  readonly #aheadMs: () => number;
  readonly #ownNames: ReadonlySet<string>;
  readonly #changes: StateLine[] | null;

  constructor(linkedHubs: readonly HubSettings[], { behavior, aheadMs, ownNames, changes }: RegistryOptions) {
    this.#changes = changes;
    this.#behavior = behavior;
    this.#aheadMs = aheadMs;
    this.#ownNames = new Set(ownNames.map((name) => name.toLowerCase()));
    this.configure(linkedHubs);
  }

  /** Adds hubs, or changes their limits. A hub that is linked no more is still there; of two with one name, the first counts. */
  configure(linkedHubs: readonly HubSettings[]): void {
    const seen = new Set<HubState>();
    for (const settings of linkedHubs) {
      const hub = this.#hubOf(settings.hostName);
      if (!seen.has(hub)) hub.configure(settings);
      seen.add(hub);
    }
  }

  /** Forgets all devices. */
  reset(): void {
    for (const hub of this.#hubs.values()) hub.reset();
  }

  apply(change: HubChange): void {
    if (change.kind === 'assigned') {
      this.#assign(change);
      return;
    }
    const { hub, deviceId, atMs } = change;
    const identity = this.find(hub, deviceId, atMs);
    if (identity === null) return;
    if (change.kind === 'removed') {
      this.#hubOf(hub).identities.delete(deviceId);
      this.#changes?.push(deletedIdentityLine(hub, deviceId));
      return;
    }
    if (change.kind === 'status') identity.status = change.status;
    else identity.twin[change.section] = patched(identity.twin[change.section], change.patch, atMs);
    this.#keep(this.#hubOf(hub), identity);
    if (change.kind === 'twin') this.#keepMoving(identity);
  }

  /** The kind of lines of which the state of the hubs is made. */
  stateKind(): StateKind {
    return identityKind(
      () => this.#hubs.values(),
      (hostName) => this.#hubOf(hostName),
    );
  }

  connect(request: HubConnectRequest, nowMs: number): HubConnectAnswer {
    const hub = hubOf(request, this.#hubs);
    const behavior = this.#behavior();
    const rules = { behavior, aheadMs: this.#aheadMs(), ownNames: this.#ownNames };
    const verdict = checkHubConnect(request, hub, nowMs, rules);
    if (verdict.returnCode !== 0) {
      if (hub !== null) count(hub.counters.connectsRefused, verdict.returnCode);
      return verdict;
    }
    const { counters } = verdict.device.hub;
    const admission = verdict.device.hub.admit(nowMs, behavior);
    if (admission === null) {
      counters.connectsDropped += 1;
      return { returnCode: null, reason: 'the hub has more new connections than its units allow' };
    }
    counters.connectsAccepted += 1;
    if (admission.waitMs > 0) counters.connectsDelayed += 1;
    return { ...verdict, ...admission };
  }

  /** The identity that the hub knows now; `null` = none. */
  find(hub: string, deviceId: string, nowMs: number): DeviceIdentity | null {
    return this.#hubs.get(hub.toLowerCase())?.find(deviceId, nowMs) ?? null;
  }

  /** Why a connected device may not go on; `null` = it may. */
  endReason({ hub, identity }: ProvenDevice, nowMs: number): string | null {
    if (hub.find(identity.deviceId, nowMs) !== identity) return 'the device is not at this hub any more';
    return identity.status === 'disabled' ? 'the device was disabled at its hub' : null;
  }

  receive({ hub, identity }: ProvenDevice, { properties, isRetained, bytes }: TelemetryMessage, nowMs: number): void {
    hub.counters.telemetryMessages += 1;
    hub.counters.telemetryBytes += bytes;
    const { telemetry } = identity;
    telemetry.messages += 1;
    telemetry.bytes += bytes;
    telemetry.last = { atMs: nowMs, properties: messageProperties(properties, isRetained) };
  }

  readTwin({ hub, identity }: ProvenDevice): Twin {
    hub.counters.twinReads += 1;
    return identity.twin;
  }

  /** Updates the reported properties. Returns why not; `null` = done. */
  report({ hub, identity }: ProvenDevice, patch: unknown, nowMs: number): string | null {
    const { deviceId } = identity;
    const problem = patchProblem('reported', identity.twin.reported, patch);
    if (problem !== null) return problem;
    hub.counters.twinUpdates += 1;
    const change = { kind: 'twin', section: 'reported', patch: patch as JsonObject } as const;
    this.apply({ ...change, hub: hub.hostName, deviceId, atMs: nowMs });
    return null;
  }

  /** One line for each hub. */
  *hubs(nowMs: number): Iterable<HubLine> {
    for (const hub of this.#hubs.values()) {
      let identities = 0;
      for (const _ of hub.known(nowMs)) identities += 1;
      yield { kind: 'hub', hub: hub.hostName, identities, ...hub.counters };
    }
  }

  /** One line for each device that a hub knows, by hub. */
  *identities(nowMs: number): Iterable<IdentityLine> {
    for (const hub of this.#hubs.values()) {
      for (const identity of hub.known(nowMs)) yield identityLine(hub.hostName, identity);
    }
  }

  #assign({ movesFrom, substatus, atMs, ...assigned }: HubAssignment): void {
    const hub = this.#hubOf(assigned.hub);
    const { deviceId, authentication, iotEdge } = assigned;
    const from = movesFrom === null ? null : this.#hubOf(movesFrom.hub);
    const old = movesFrom === null ? null : thereAt(from, movesFrom.deviceId, atMs);
    const stays = thereAt(hub, deviceId, atMs);
    if (old !== null) old.leavesAtMs = atMs;
    if (stays !== null && old === null) {
      // The device re-registered where it was, or its record had been deleted: the identity is brought up to date.
      stays.status = 'enabled';
      stays.authentication = authentication;
      stays.iotEdge = iotEdge;
      this.#keep(hub, stays);
      return;
    }
    const migrated = substatus === 'deviceDataMigrated' ? (old ?? stays) : null;
    if (old !== null && from !== null) {
      old.sharesTwinWith = migrated === old ? { hub: hub.hostName, deviceId } : null;
      this.#keep(from, old);
    }
    hub.identities.delete(deviceId);
    const identity: DeviceIdentity = {
      deviceId,
      createdAtMs: atMs,
      knownFromMs: atMs + this.#behavior().hubIdentityDelayMs,
      leavesAtMs: Number.POSITIVE_INFINITY,
      status: 'enabled',
      authentication,
      iotEdge,
      // Until the device moves, the twin belongs to both identities: what the device reports meanwhile is not lost.
      twin: migrated?.twin ?? newTwin(assigned.initialTwin, atMs),
      sharesTwinWith: null,
      telemetry: { messages: 0, bytes: 0, last: null },
      subscriptions: null,
    };
    hub.identities.set(deviceId, identity);
    this.#keep(hub, identity);
  }

  #keep({ hostName }: HubState, identity: DeviceIdentity): void {
    this.#changes?.push(identityToLine(hostName, identity));
  }

  /** Keeps the identities at the next hubs, as long as they have the same twin. */
  #keepMoving({ sharesTwinWith: next, twin }: DeviceIdentity): void {
    const hub = next && this.#hubOf(next.hub);
    const identity = next && hub?.identities.get(next.deviceId);
    if (!hub || identity?.twin !== twin) return;
    this.#keep(hub, identity);
    this.#keepMoving(identity);
  }

  /** A hub that nothing was known about is created. */
  #hubOf(hostName: string): HubState {
    const key = hostName.toLowerCase();
    const hub = this.#hubs.get(key) ?? new HubState(hostName);
    this.#hubs.set(key, hub);
    return hub;
  }
}

/** An identity that left some time ago may not have been removed yet. */
function thereAt(hub: HubState | null, deviceId: string, atMs: number): DeviceIdentity | null {
  const identity = hub?.identities.get(deviceId) ?? null;
  return identity !== null && identity.leavesAtMs > atMs ? identity : null;
}
