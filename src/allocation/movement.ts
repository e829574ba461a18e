import { type RegistrationOutcome, wasKnownBefore } from '../registration/registration-outcome.ts';
import { tally } from './tally.ts';

/** What became of the hub of a device that had one. */
export type HubChange = 'kept' | 'moved' | 'lost'; // the service says that it is not assigned any more

/** One registration, seen beside what the same device had before. */
export type DeviceStep = {
  readonly outcome: RegistrationOutcome;
  /** It came to a hub, and had none before: what an allocation policy is judged by. */
  readonly isInitial: boolean;
  /** In an earlier round, or before the run. */
  readonly hadHub: boolean;
  /** `null` = it had no hub before, or nobody said where it is now. */
  readonly change: HubChange | null;
  /** In the round before; `null` = this run does not know it. */
  readonly hubBefore: string | null;
  readonly deviceIdBefore: string | null;
};

/** Of devices that the service knew before the run, only the substatus tells whether they moved. */
const MOVED_SUBSTATUS: readonly (string | null)[] = ['deviceDataMigrated', 'deviceDataReset'];

/** Sees the registrations of a run in the order of the fleet, then of rounds, and knows what each device had before. */
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
 * Whether a result says that the device has no hub any more: that its registration failed at the service, or is disabled there.
 * One whose credentials were refused, or that came to no end, leaves the device where it was.
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
  if (hubBefore === null) return MOVED_SUBSTATUS.includes(substatus) ? 'moved' : 'kept';
  return assignedHub.toLowerCase() === hubBefore.toLowerCase() ? 'kept' : 'moved';
}

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

/** Of one device, over the rounds. */
type Device = {
  readonly row: number;
  /** Now; `moved` where it moved in any round, and has a hub. */
  readonly change: HubChange;
  readonly substatus: string;
  /** Of its last move; `null` = it kept its hub. */
  readonly movedSubstatus: string | null;
  readonly changedDeviceId: boolean;
};

/**
 * Counts devices, not registrations: what one device does round after round hangs together, and would narrow the interval of
 * the share that moved as if each round had been a fleet of its own.
 */
export class MovementCounts {
  readonly #changes: Record<HubChange, number> = { kept: 0, moved: 0, lost: 0 };
  readonly #substatus = new Map<string, number>();
  readonly #movedSubstatus = new Map<string, number>();
  #changedDeviceId = 0;
  /** The one whose rounds are under way. */
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

  /** `null` = of no device that had a hub before it is known. */
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
