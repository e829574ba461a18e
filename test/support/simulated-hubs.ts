import { HubRegistry } from '../../src/emulator/hub/hub-registry.ts';
import { EmulatedHubs } from '../../src/emulator/server/emulated-hubs.ts';
import { MqttSession, type SessionContext } from '../../src/emulator/server/mqtt-session.ts';
import type { Accepted } from '../../src/emulator/server/session-role.ts';
import type { FaultRule } from '../../src/emulator/service/fault-rule.ts';
import type { HubAssignment } from '../../src/emulator/service/hub-assignment.ts';
import { SERVICE_BEHAVIOR_DEFAULT } from '../../src/emulator/service/service-behavior.ts';
import type { StateLine } from '../../src/emulator/service/state-kind.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { simulatedContext } from './wired-session.ts';

export const HUB = 'only.azure-devices.net';

/** A hub without a network, in virtual time. With `syncMs`, what changes is on a disk that much later; `null` = there is no disk. */
export class SimulatedHubs {
  readonly clock: VirtualClock;
  readonly registry: HubRegistry;
  readonly hubs: EmulatedHubs;
  readonly context: SessionContext;
  /** Changes that are not on the disk yet, and the most that there ever were. */
  unsynced = 0;
  unsyncedMax = 0;
  readonly #changes: StateLine[] = [];

  constructor(seed: number, rules: readonly FaultRule[], syncMs: number | null) {
    const context = simulatedContext(seed, rules);
    const { clock, serviceTimeMs } = context;
    this.clock = clock;
    this.registry = new HubRegistry([{ hostName: HUB }], {
      behavior: () => SERVICE_BEHAVIOR_DEFAULT,
      aheadMs: () => 0,
      ownNames: ['dps.test'],
      changes: syncMs === null ? null : this.#changes,
    });
    this.hubs = new EmulatedHubs(this.registry, { serviceClock: clock, serviceTimeMs, keepSoon: () => {} });
    const whenKept = (then: (isKept: boolean) => void): void => this.#whenKept(then, syncMs ?? 0);
    this.context = this.hubs.sessionContext({ ...context, whenKept });
  }

  /** Enters a device as the service does when it has assigned it. */
  assign(deviceId: string, settings: Pick<HubAssignment, 'authentication' | 'initialTwin'>): void {
    this.registry.apply({
      kind: 'assigned',
      hub: HUB,
      deviceId,
      substatus: 'initialAssignment',
      movesFrom: null,
      iotEdge: false,
      atMs: this.context.serviceTimeMs(),
      ...settings,
    });
    this.#changes.length = 0;
  }

  open(accepted: Accepted): void {
    new MqttSession(accepted, this.context, this.hubs.role);
  }

  #whenKept(then: (isKept: boolean) => void, syncMs: number): void {
    const lines = this.#changes.splice(0).length;
    this.unsynced += lines;
    this.unsyncedMax = Math.max(this.unsyncedMax, this.unsynced);
    if (this.unsynced === 0) {
      then(true);
      return;
    }
    this.clock.wakeAt(this.clock.nowMs() + syncMs, () => {
      this.unsynced -= lines;
      then(true);
    });
  }
}
