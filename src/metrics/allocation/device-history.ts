import { wasKnownBefore } from '../../registration/known-before.ts';
import type { RegistrationOutcome } from '../../registration/registration-outcome.ts';

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
      change: hadHub ? changeOf(outcome, before?.hub ?? null) : null,
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

function changeOf({ result, assignedHub, substatus }: RegistrationOutcome, hubBefore: string | null): HubChange | null {
  if (saysLost(result)) return 'lost';
  if (result !== 'assigned' || assignedHub === null) return null;
  if (hubBefore === null) return MOVED_SUBSTATUS.includes(substatus) ? 'moved' : 'kept';
  return assignedHub.toLowerCase() === hubBefore.toLowerCase() ? 'kept' : 'moved';
}
