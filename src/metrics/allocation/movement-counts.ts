import type { DeviceStep, HubChange } from './device-history.ts';

/** What became of the devices that had a hub before, in an earlier round or before the run, as far as the service said. */
export type Movement = {
  readonly changes: Readonly<Record<HubChange, number>>;
  /** Of those with a hub now; unknown for devices that were known before the run. */
  readonly changedDeviceId: number;
  /** Of those with a hub now, by the service's word; '' = it said none. */
  readonly substatus: Readonly<Record<string, number>>;
  /** Movers, by the service's word. */
  readonly movedSubstatus: Readonly<Record<string, number>>;
};

export class MovementCounts {
  readonly #changes: Record<HubChange, number> = { kept: 0, moved: 0, lost: 0 };
  readonly #substatus = new Map<string, number>();
  readonly #movedSubstatus = new Map<string, number>();
  #changedDeviceId = 0;

  add({ outcome, change, deviceIdBefore }: DeviceStep): void {
    if (change === null) return;
    this.#changes[change] += 1;
    if (change === 'lost') return;
    const word = outcome.substatus ?? '';
    count(this.#substatus, word);
    if (change === 'moved') count(this.#movedSubstatus, word);
    if (deviceIdBefore !== null && deviceIdBefore !== outcome.deviceId) this.#changedDeviceId += 1;
  }

  /** `null` = of no device that had a hub before it is known. */
  result(): Movement | null {
    const { kept, moved, lost } = this.#changes;
    if (kept + moved + lost === 0) return null;
    return {
      changes: { kept, moved, lost },
      changedDeviceId: this.#changedDeviceId,
      substatus: inOrder(this.#substatus),
      movedSubstatus: inOrder(this.#movedSubstatus),
    };
  }
}

function count(counts: Map<string, number>, word: string): void {
  counts.set(word, (counts.get(word) ?? 0) + 1);
}

function inOrder(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
