import { type RegistrationOutcome, wasKnownBefore } from '../registration/registration-outcome.ts';
import { MOVED_SUBSTATUS } from './allocation-expectation.ts';
import { tally } from './tally.ts';

/** The change of a device that had a hub; `lost`: the service reports that it is no longer assigned. */
export type HubChange = 'kept' | 'moved' | 'lost';

/** A registration compared with the previous state of the device. */
export type DeviceStep = {
  readonly outcome: RegistrationOutcome;
  /** Assigned, without a hub before: the devices by which an allocation policy is judged. */
  readonly isInitial: boolean;
  /** In an earlier round, or before the run. */
  readonly hadHub: boolean;
  /** `null` = no hub before, or the hub is now unknown. */
  readonly change: HubChange | null;
  /** In the previous round; `null` = unknown to this run. */
  readonly hubBefore: string | null;
  readonly deviceIdBefore: string | null;
};

/** For devices known before the run, only the substatus shows whether they moved. */
const MOVED: readonly (string | null)[] = [MOVED_SUBSTATUS.migrate, MOVED_SUBSTATUS.reset];

/** Remembers the hub of each device; takes registrations in the order of the fleet, then of rounds. */
export class DeviceHistory {
  readonly #runStartedAtEpochMs: number;
  #before: { readonly row: number; readonly hub: string; readonly deviceId: string | null } | null = null;

  /** @param runStartedAtEpochMs of the run's first session */
  constructor(runStartedAtEpochMs: number) {
    this.#runStartedAtEpochMs = runStartedAtEpochMs;
  }

  step(outcome: RegistrationOutcome): DeviceStep {
    const before = this.#before?.row === outcome.row ? this.#before : null;
    const { row, result, assignedHub, deviceId } = outcome;
    const isAssigned = result === 'assigned' && assignedHub !== null;
    if (isAssigned) this.#before = { row, hub: assignedHub, deviceId };
    const hadHub = before !== null || wasKnownBefore(outcome, this.#runStartedAtEpochMs);
    return {
      outcome,
      isInitial: isAssigned && !hadHub,
      hadHub,
      change: hadHub ? hubChange(outcome, before?.hub ?? null) : null,
      hubBefore: before?.hub ?? null,
      deviceIdBefore: before?.deviceId ?? null,
    };
  }
}

/**
 * Returns whether a result means that the device is no longer assigned: its registration failed or is disabled at the
 * service. Refused credentials or an unfinished registration leave the device where it was.
 */
export function saysLost(result: string): boolean {
  return result === 'failed' || result === 'disabled';
}

function hubChange(
  { result, assignedHub, substatus }: RegistrationOutcome,
  hubBefore: string | null,
): HubChange | null {
  if (saysLost(result)) return 'lost';
  if (result !== 'assigned' || assignedHub === null) return null;
  if (hubBefore === null) return MOVED.includes(substatus) ? 'moved' : 'kept';
  return assignedHub.toLowerCase() === hubBefore.toLowerCase() ? 'kept' : 'moved';
}

/** Devices that had a hub before, in an earlier round or before the run, as far as the service reported. */
export type Movement = {
  readonly changes: Readonly<Record<HubChange, number>>;
  /** Devices with a hub now; unknown for devices known before the run. */
  readonly changedDeviceId: number;
  /** Devices with a hub now, by substatus; '' = none. */
  readonly substatus: Readonly<Record<string, number>>;
  /** Moved devices, by substatus. */
  readonly movedSubstatus: Readonly<Record<string, number>>;
};

/** One device, over all rounds. */
type Device = {
  readonly row: number;
  /** `moved` if it moved in any round and has a hub now. */
  readonly change: HubChange;
  readonly substatus: string;
  /** Substatus of its last move; `null` = it kept its hub. */
  readonly movedSubstatus: string | null;
  readonly changedDeviceId: boolean;
};

/**
 * Counts devices, not registrations: the rounds of a device are not independent, so counting each would narrow the interval
 * of the moved share as if each round were a separate fleet.
 */
export class MovementCounts {
  readonly #changes: Record<HubChange, number> = { kept: 0, moved: 0, lost: 0 };
  readonly #substatus = new Map<string, number>();
  readonly #movedSubstatus = new Map<string, number>();
  #changedDeviceId = 0;
  /** The device whose rounds are being added. */
  #device: Device | null = null;

  /** In the order of the fleet, then of rounds. */
  add(step: DeviceStep): void {
    if (step.change === null) return;
    const before = this.#device?.row === step.outcome.row ? this.#device : null;
    if (before === null) this.#countDevice();
    this.#device = afterStep(before, step, step.change);
  }

  #countDevice(): void {
    if (this.#device === null) return;
    const { change, changedDeviceId, movedSubstatus, substatus } = this.#device;
    this.#device = null;
    this.#changes[change] += 1;
    if (change === 'lost') return;
    tally(this.#substatus, substatus);
    if (movedSubstatus !== null) tally(this.#movedSubstatus, movedSubstatus);
    if (changedDeviceId) this.#changedDeviceId += 1;
  }

  /** `null` = no device is known to have had a hub before. */
  result(): Movement | null {
    this.#countDevice();
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

function afterStep(before: Device | null, { outcome, deviceIdBefore }: DeviceStep, change: HubChange): Device {
  const substatus = outcome.substatus ?? '';
  const movedSubstatus = change === 'moved' ? substatus : (before?.movedSubstatus ?? null);
  const hasOtherId = change !== 'lost' && deviceIdBefore !== null && deviceIdBefore !== outcome.deviceId;
  return {
    row: outcome.row,
    change: change === 'kept' && movedSubstatus !== null ? 'moved' : change,
    substatus,
    movedSubstatus,
    changedDeviceId: hasOtherId || (before?.changedDeviceId ?? false),
  };
}

function inOrder(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
