import { type ExpectedMovement, expectedMovement, type HubWeight } from '../allocation/allocation-expectation.ts';
import { type HubChange, saysLost } from '../allocation/movement.ts';
import { tally } from '../allocation/tally.ts';
import type { Move } from './moves-csv.ts';

/** The compared columns of a row of `registrations.csv`. */
export type DeviceResult = {
  readonly registrationId: string;
  readonly round: string;
  readonly result: string;
  readonly assignedHub: string;
  readonly deviceId: string;
  readonly substatus: string;
  /** `null` = it never started or never ended. */
  readonly serviceMs: number | null;
};

/** What became of a device, and what `moves.csv` calls it; `null` = no row there. */
const HUB_CHANGES = {
  keptHub: 'kept',
  movedHub: 'moved',
  lost: 'lost',
  untold: null,
  won: null,
  neverAssigned: null,
} satisfies Readonly<Record<string, HubChange | null>>;

export type DeviceChange = keyof typeof HUB_CHANGES;

/** The devices of one run compared with the same devices of another. */
export type DeviceComparison = {
  /**
   * `lost`: assigned in the first run and no longer in the second; `untold`: assigned in the first run, unknown after the
   * second; `won`: assigned only in the second. They add up to the rows.
   */
  readonly changes: Readonly<Record<DeviceChange, number>>;
  /** Assigned in both runs, with different device IDs. */
  readonly changedDeviceId: number;
  /** Movement that the change of the hubs' shares implies; `null` = no device was assigned in both runs. */
  readonly expectedMovement: ExpectedMovement | null;
  /** Assigned in both runs, with service times that differ by more than the tolerance. */
  readonly slower: number;
  readonly faster: number;
  /** Registration IDs of the first devices that moved, and of the first that were lost. */
  readonly moved: readonly string[];
  readonly lost: readonly string[];
};

/** Registration IDs listed for each kind. */
const NAMED_MAX = 10;

/** Smaller differences of a single device are noise: a tenth of the fastest response to a register request, 400 ms. */
const SLOWER_MIN_MS = 40;

/** Folds pairs of the same device in two runs, in constant memory. */
export class DeviceComparisonFold {
  readonly #tolerance: number;
  readonly #counted = {
    changes: { keptHub: 0, movedHub: 0, lost: 0, untold: 0, won: 0, neverAssigned: 0 },
    changedDeviceId: 0,
    expectedMovement: null,
    slower: 0,
    faster: 0,
    moved: [] as string[],
    lost: [] as string[],
  };
  readonly #hubsBefore = new Map<string, number>();
  readonly #hubsAfter = new Map<string, number>();

  /** @param tolerance a part of 1 */
  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  add(before: DeviceResult, after: DeviceResult): void {
    const change = deviceChange(before, after);
    const counted = this.#counted;
    counted.changes[change] += 1;
    if (change === 'movedHub' && counted.moved.length < NAMED_MAX) counted.moved.push(after.registrationId);
    if (change === 'lost' && counted.lost.length < NAMED_MAX) counted.lost.push(after.registrationId);
    if (change !== 'keptHub' && change !== 'movedHub') return;
    tally(this.#hubsBefore, before.assignedHub.toLowerCase());
    tally(this.#hubsAfter, after.assignedHub.toLowerCase());
    if (before.deviceId !== after.deviceId) counted.changedDeviceId += 1;
    if (before.serviceMs === null || after.serviceMs === null) return;
    const difference = after.serviceMs - before.serviceMs;
    if (Math.abs(difference) <= Math.max(SLOWER_MIN_MS, this.#tolerance * before.serviceMs)) return;
    counted[difference > 0 ? 'slower' : 'faster'] += 1;
  }

  result(): DeviceComparison {
    const counted = structuredClone(this.#counted);
    if (this.#hubsBefore.size === 0) return counted;
    return { ...counted, expectedMovement: expectedMovement(weightsOf(this.#hubsBefore), weightsOf(this.#hubsAfter)) };
  }
}

/** The row of moves.csv for a device that the first run assigned; `null` if it did not, or if the second run left it unknown. */
export function deviceMove(before: DeviceResult, after: DeviceResult): Move | null {
  const change = HUB_CHANGES[deviceChange(before, after)];
  if (change === null) return null;
  const orNull = (text: string): string | null => (text === '' ? null : text);
  return {
    registrationId: after.registrationId,
    round: after.round,
    change,
    hubBefore: before.assignedHub,
    hub: orNull(after.assignedHub),
    deviceIdBefore: orNull(before.deviceId),
    deviceId: orNull(after.deviceId),
    substatus: orNull(after.substatus),
  };
}

function weightsOf(counts: ReadonlyMap<string, number>): readonly HubWeight[] {
  return [...counts].map(([hub, weight]) => ({ hub, weight }));
}

function deviceChange(before: DeviceResult, after: DeviceResult): DeviceChange {
  const [wasAssigned, isAssigned] = [before.result === 'assigned', after.result === 'assigned'];
  if (!wasAssigned) return isAssigned ? 'won' : 'neverAssigned';
  if (!isAssigned) return saysLost(after.result) ? 'lost' : 'untold';
  return before.assignedHub.toLowerCase() === after.assignedHub.toLowerCase() ? 'keptHub' : 'movedHub';
}
