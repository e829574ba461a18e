import { hubConnectionsPerSecond } from '../../dps/service-limits.ts';
import type { LinkedHub } from '../service/dps-instance.ts';
import type { ServiceBehavior } from '../service/service-behavior.ts';
import { type Admission, ConnectionShaper } from './connection-shaper.ts';
import type { DeviceIdentity } from './device-identity.ts';

type Counts = Record<string, number>;

function emptyHubCounters() {
  return {
    connectsAccepted: 0,
    /** Of those, the ones whose CONNACK had to wait for the limit of the hub. */
    connectsDelayed: 0,
    /** By CONNACK return code. */
    connectsRefused: {} as Counts,
    /** Closed without CONNACK, because they would have had to wait too long. */
    connectsDropped: 0,
    telemetryMessages: 0,
    telemetryBytes: 0,
    twinReads: 0,
    /** Of reported properties. */
    twinUpdates: 0,
  };
}

export type HubCounters = ReturnType<typeof emptyHubCounters>;

/** `sku`: absent = no limit; `units`: absent = 1. */
export type HubSettings = Pick<LinkedHub, 'hostName' | 'sku' | 'units'>;

/** One hub: its devices, and what they did. */
export class HubState {
  readonly hostName: string;
  counters: HubCounters = emptyHubCounters();
  /** By device ID, whose case counts. */
  readonly identities = new Map<string, DeviceIdentity>();
  /** `null` = any number of new connections. */
  #shaper: ConnectionShaper | null = null;
  #perSecond: number | null = null;

  constructor(hostName: string) {
    this.hostName = hostName;
  }

  /** A limit that stays goes on with what has used it. */
  configure({ sku, units = 1 }: HubSettings): void {
    const perSecond = sku === undefined ? null : hubConnectionsPerSecond(sku, units);
    if (perSecond !== this.#perSecond) this.#shaper = perSecond === null ? null : new ConnectionShaper(perSecond);
    this.#perSecond = perSecond;
  }

  admit(nowMs: number, { hubBurstMs, hubQueueMs }: ServiceBehavior): Admission {
    return this.#shaper === null
      ? { waitMs: 0 }
      : this.#shaper.admit(nowMs, { burstMs: hubBurstMs, queueMs: hubQueueMs });
  }

  /** Forgets devices and counts. */
  reset(): void {
    this.identities.clear();
    this.counters = emptyHubCounters();
  }

  /** The identity that the hub knows now; `null` = none. */
  find(deviceId: string, nowMs: number): DeviceIdentity | null {
    const identity = this.identities.get(deviceId);
    if (identity === undefined || nowMs < identity.knownFromMs) return null;
    if (nowMs < identity.leavesAtMs) return identity;
    this.identities.delete(deviceId);
    return null;
  }

  /** Those that the hub knows now, in the order of their creation. */
  *known(nowMs: number): Iterable<DeviceIdentity> {
    for (const deviceId of this.identities.keys()) {
      const identity = this.find(deviceId, nowMs);
      if (identity !== null) yield identity;
    }
  }
}
