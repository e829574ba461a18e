import { type ExpectedMovement, expectedMovement, type HubWeight } from '../allocation/allocation-expectation.ts';
import { type HubChange, saysLost } from '../allocation/movement.ts';
import type { Move } from './moves-csv.ts';

/** One row of `registrations.csv`, as far as it is compared. */
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

const CHANGES = ['keptHub', 'movedHub', 'lost', 'untold', 'won', 'neverAssigned'] as const;

export type DeviceChange = (typeof CHANGES)[number];

/** How the devices of one run did against the same devices of another one. */
export type DeviceComparison = {
  /**
   * `lost`: assigned in the first run, and not any more; `untold`: assigned in the first run, and the second came to no end
   * that says where they are; `won`: assigned in the second alone. They add up to the rows.
   */
  readonly changes: Readonly<Record<DeviceChange, number>>;
  /** Of those that both runs assigned: another device ID at their hub. */
  readonly changedDeviceId: number;
  /** What had to move of them so that the hubs' shares became what they are; `null` = both runs assigned none. */
  readonly expectedMovement: ExpectedMovement | null;
  /** Of those that both runs assigned: service time beyond the tolerance. */
  readonly slower: number;
  readonly faster: number;
  /** The first registration IDs of those that moved, and of those that were lost. */
  readonly moved: readonly string[];
  readonly lost: readonly string[];
};

const HUB_CHANGES: Readonly<Record<DeviceChange, HubChange | null>> = {
  keptHub: 'kept',
  movedHub: 'moved',
  lost: 'lost',
  untold: null,
  won: null,
  neverAssigned: null,
};

/** IDs that are named for each kind. */
const NAMED_MAX = 10;

/** Differences of a single device below this are noise: a tenth of the fastest answer to a register request, 400 ms. */
const SLOWER_MIN_MS = 40;

/** Folds pairs of the same device in two runs; of the same size however many there are. */
export class DeviceComparisonFold {
  readonly #tolerance: number;
  readonly #changes: Record<DeviceChange, number> = {
    keptHub: 0,
    movedHub: 0,
    lost: 0,
    untold: 0,
    won: 0,
    neverAssigned: 0,
  };
  readonly #moved: string[] = [];
  readonly #lost: string[] = [];
  readonly #hubsBefore = new Map<string, number>();
  readonly #hubsAfter = new Map<string, number>();
  #changedDeviceId = 0;
  #slower = 0;
  #faster = 0;

  /** @param tolerance a part of 1 */
  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  add(before: DeviceResult, after: DeviceResult): void {
    const change = changeOf(before, after);
    this.#changes[change] += 1;
    if (change === 'movedHub' && this.#moved.length < NAMED_MAX) this.#moved.push(after.registrationId);
    if (change === 'lost' && this.#lost.length < NAMED_MAX) this.#lost.push(after.registrationId);
    if (change !== 'keptHub' && change !== 'movedHub') return;
    countHub(this.#hubsBefore, before.assignedHub);
    countHub(this.#hubsAfter, after.assignedHub);
    if (before.deviceId !== after.deviceId) this.#changedDeviceId += 1;
    if (before.serviceMs === null || after.serviceMs === null) return;
    const difference = after.serviceMs - before.serviceMs;
    if (Math.abs(difference) <= Math.max(SLOWER_MIN_MS, this.#tolerance * before.serviceMs)) return;
    if (difference > 0) this.#slower += 1;
    else this.#faster += 1;
  }

  result(): DeviceComparison {
    const [slower, faster] = [this.#slower, this.#faster];
    const expected =
      this.#hubsBefore.size === 0 ? null : expectedMovement(weightsOf(this.#hubsBefore), weightsOf(this.#hubsAfter));
    return {
      changes: { ...this.#changes },
      changedDeviceId: this.#changedDeviceId,
      expectedMovement: expected,
      slower,
      faster,
      moved: [...this.#moved],
      lost: [...this.#lost],
    };
  }
}

/** The line of a device that the first run assigned and of which the second tells, for moves.csv; `null` for all others. */
export function deviceMove(before: DeviceResult, after: DeviceResult): Move | null {
  const change = HUB_CHANGES[changeOf(before, after)];
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

function countHub(counts: Map<string, number>, hub: string): void {
  const key = hub.toLowerCase();
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function weightsOf(counts: ReadonlyMap<string, number>): readonly HubWeight[] {
  return [...counts].map(([hub, weight]) => ({ hub, weight }));
}

function changeOf(before: DeviceResult, after: DeviceResult): DeviceChange {
  const [wasAssigned, isAssigned] = [before.result === 'assigned', after.result === 'assigned'];
  if (!wasAssigned) return isAssigned ? 'won' : 'neverAssigned';
  if (!isAssigned) return saysLost(after.result) ? 'lost' : 'untold';
  return before.assignedHub.toLowerCase() === after.assignedHub.toLowerCase() ? 'keptHub' : 'movedHub';
}
