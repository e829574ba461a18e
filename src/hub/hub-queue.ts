/** Timers come late by a few milliseconds: that much is caught up on, no more, so that no burst follows a pause. */
const CATCH_UP_MS = 10;

/** When the next connection to one hub may begin. */
type Lane<Device> = { readonly spacingMs: number; nextAtMs: number; readonly ready: Device[] };

/** Devices that wait for a connection to their hubs, at a pace for each hub. Devices of one hub never hold up those of another. */
export class HubQueue<Device extends { readonly hub: string }> {
  readonly #perSecondAt: (hub: string) => number;
  readonly #lanes = new Map<string, Lane<Device>>();
  /** Devices that are to be tried again, by the time from which. */
  readonly #later: { readonly atMs: number; readonly device: Device }[] = [];
  #ready = 0;

  /** @param perSecondAt new connections a second that a hub gets */
  constructor(perSecondAt: (hub: string) => number) {
    this.#perSecondAt = perSecondAt;
  }

  /** Devices that have not been taken, or were given back. */
  get size(): number {
    return this.#ready + this.#later.length;
  }

  add(device: Device): void {
    this.#laneOf(device.hub).ready.push(device);
    this.#ready += 1;
  }

  /** Gives a device back, to be tried again at `atMs`. */
  addAt(atMs: number, device: Device): void {
    this.#later.push({ atMs, device });
  }

  /** A device whose connection may begin now; `null` = none. */
  take(nowMs: number): Device | null {
    this.#wake(nowMs);
    for (const [hub, lane] of this.#lanes) {
      if (lane.nextAtMs > nowMs) continue;
      const device = lane.ready.shift();
      if (device === undefined) continue;
      lane.nextAtMs = Math.max(lane.nextAtMs, nowMs - CATCH_UP_MS) + lane.spacingMs;
      // The hub goes to the end, so that all have their turn when slots are scarce.
      this.#lanes.delete(hub);
      this.#lanes.set(hub, lane);
      this.#ready -= 1;
      return device;
    }
    return null;
  }

  /** When `take` may find one; `null` = only when one is added. */
  nextAtMs(): number | null {
    const times = [
      ...[...this.#lanes.values()].filter(({ ready }) => ready.length > 0).map(({ nextAtMs }) => nextAtMs),
      ...this.#later.map(({ atMs }) => atMs),
    ];
    return times.length === 0 ? null : times.reduce((earliest, atMs) => (atMs < earliest ? atMs : earliest));
  }

  #wake(nowMs: number): void {
    for (let index = this.#later.length - 1; index >= 0; index -= 1) {
      const waiting = this.#later[index];
      if (waiting === undefined || waiting.atMs > nowMs) continue;
      this.#later.splice(index, 1);
      this.add(waiting.device);
    }
  }

  #laneOf(hub: string): Lane<Device> {
    const known = this.#lanes.get(hub);
    if (known !== undefined) return known;
    const lane: Lane<Device> = {
      spacingMs: 1_000 / this.#perSecondAt(hub),
      nextAtMs: Number.NEGATIVE_INFINITY,
      ready: [],
    };
    this.#lanes.set(hub, lane);
    return lane;
  }
}
