import { HUB_MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';
import { desiredTopic } from '../../dps/hub-topics.ts';
import type { JsonObject } from '../../dps/json-object.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { type IdentityLine, type IdentityStatus, identityLine } from '../hub/device-identity.ts';
import type { HubChange, HubLine, HubRegistry } from '../hub/hub-registry.ts';
import { patchProblem } from '../hub/twin.ts';
import type { DpsInstance } from '../service/dps-instance.ts';
import type { HubAssignment } from '../service/hub-assignment.ts';
import type { StateKind } from '../service/state-kind.ts';
import { type HubRole, hubDeviceKey, hubRole } from './hub-role.ts';
import type { SessionContext } from './mqtt-session.ts';
import { OpenSessions } from './open-sessions.ts';

/** A device as its hub knows it. */
export type HubDevice = IdentityLine & { readonly connectionState: 'Connected' | 'Disconnected' };

/** A hub, with its open connections. */
export type EmulatedHub = HubLine & { readonly openConnections: number };

type HubTime = Pick<SessionContext, 'serviceClock' | 'serviceTimeMs'> & {
  /** Has what a back end changed kept soon. */
  readonly keepSoon: () => void;
};

/** What is known about the hubs, and what a back end may change. */
export type LinkedHubs = Pick<EmulatedHubs, 'list' | 'devices' | 'device' | 'setDesired' | 'setStatus' | 'remove'>;

/** The linked hubs of an emulator, and who is connected to them. */
export class EmulatedHubs {
  readonly role: HubRole;
  readonly openSessions = new OpenSessions();
  readonly #registry: HubRegistry;
  readonly #time: HubTime;

  constructor(registry: HubRegistry, time: HubTime) {
    this.role = hubRole(registry, time.serviceTimeMs);
    this.#registry = registry;
    this.#time = time;
  }

  /** For sessions with the hubs: their messages may be larger, and their devices are other ones. */
  sessionContext(context: SessionContext): SessionContext {
    const { limits } = context;
    const packetBytesMax = limits.packetBytesMax + HUB_MESSAGE_BYTES_MAX - MESSAGE_BYTES_MAX;
    return {
      ...context,
      // It may change at any time.
      get behavior() {
        return context.behavior;
      },
      // What devices do at a hub is not recorded.
      conversations: null,
      openSessions: this.openSessions,
      limits: { ...limits, packetBytesMax },
    };
  }

  /** Enters a device that the service has assigned. A connection to the hub that it leaves ends then. */
  assign(assigned: HubAssignment): void {
    this.#registry.apply({ kind: 'assigned', ...assigned });
    if (assigned.movesFrom === null) return;
    const { hub, deviceId } = assigned.movesFrom;
    const left = this.openSessions.find(hubDeviceKey(hub, deviceId));
    if (left === null) return;
    const { serviceClock, serviceTimeMs } = this.#time;
    const inMs = Math.max(0, assigned.atMs - serviceTimeMs());
    serviceClock.wakeAt(serviceClock.nowMs() + inMs, () => left.close('the device was moved to another hub'));
  }

  /** The kind of lines of which the state of the hubs is made. */
  stateKind(): StateKind {
    return this.#registry.stateKind();
  }

  /** Follows the configuration. */
  configure(instances: readonly DpsInstance[]): void {
    this.#registry.configure(instances.flatMap(({ linkedHubs }) => linkedHubs));
  }

  /** Forgets all devices, and ends their connections. */
  reset(): void {
    this.#registry.reset();
    this.openSessions.closeAll('the hubs were reset');
  }

  list(): readonly EmulatedHub[] {
    const open = new Map<string, number>();
    for (const key of this.openSessions.keys()) {
      const hub = key.slice(0, key.indexOf('/'));
      open.set(hub, (open.get(hub) ?? 0) + 1);
    }
    const lines = [...this.#registry.hubs(this.#time.serviceTimeMs())];
    return lines.map((line) => ({ ...line, openConnections: open.get(line.hub.toLowerCase()) ?? 0 }));
  }

  /** Every device that a hub knows, by hub. */
  *devices(): Iterable<IdentityLine> {
    yield* this.#registry.identities(this.#time.serviceTimeMs());
  }

  /** `null` = the hub has no such device, or does not know it yet. */
  device(hub: string, deviceId: string): HubDevice | null {
    const identity = this.#registry.find(hub, deviceId, this.#time.serviceTimeMs());
    if (identity === null) return null;
    const isConnected = this.openSessions.find(hubDeviceKey(hub, deviceId)) !== null;
    return { ...identityLine(hub, identity), connectionState: isConnected ? 'Connected' : 'Disconnected' };
  }

  /**
   * Changes desired properties, as a back end does: members that are `null` go. Tells the device, if it is connected and has
   * subscribed its desired properties. Returns their new version.
   *
   * @throws OperatorError when the hub has no such device, or would not accept the patch
   */
  setDesired(hub: string, deviceId: string, patch: object): number {
    const { twin } = this.#found(hub, deviceId);
    const refusal = patchProblem('desired', twin.desired, patch);
    if (refusal !== null) throw refused(`the patch of desired properties ${refusal}`, 'Correct the patch');
    const change = { kind: 'twin', section: 'desired', patch: patch as JsonObject } as const;
    this.#change({ ...change, hub, deviceId, atMs: this.#time.serviceTimeMs() });
    const { version } = twin.desired;
    const session = this.openSessions.find(hubDeviceKey(hub, deviceId));
    session?.notify(desiredTopic(version), JSON.stringify({ ...patch, $version: version }));
    return version;
  }

  /** Ends the connection of a device that is disabled. @throws OperatorError when the hub has no such device */
  setStatus(hub: string, deviceId: string, status: IdentityStatus): void {
    this.#found(hub, deviceId);
    this.#change({ kind: 'status', hub, deviceId, status, atMs: this.#time.serviceTimeMs() });
    if (status === 'disabled') this.#end(hub, deviceId, 'the device was disabled at its hub');
  }

  /** Deletes a device, and ends its connection. @throws OperatorError when the hub has no such device */
  remove(hub: string, deviceId: string): void {
    this.#found(hub, deviceId);
    this.#change({ kind: 'removed', hub, deviceId, atMs: this.#time.serviceTimeMs() });
    this.#end(hub, deviceId, 'the device was deleted at its hub');
  }

  #change(change: HubChange): void {
    this.#registry.apply(change);
    this.#time.keepSoon();
  }

  #end(hub: string, deviceId: string, reason: string): void {
    this.openSessions.find(hubDeviceKey(hub, deviceId))?.close(reason);
  }

  #found(hub: string, deviceId: string) {
    const identity = this.#registry.find(hub, deviceId, this.#time.serviceTimeMs());
    if (identity !== null) return identity;
    const device = `${JSON.stringify(hub)} has no device ${JSON.stringify(deviceId)}`;
    throw refused(
      device,
      'Name a hub and a device that `hubs.devices()` lists, and start the emulator with a `hubPort`',
    );
  }
}

function refused(message: string, remedy: string): OperatorError {
  return new OperatorError('usage', [problem(message, remedy)]);
}
