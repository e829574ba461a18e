import { CLOCK_DIFFERENCE_MS, type RegistrationOutcome } from '../registration/registration-outcome.ts';

/** How far the clock of the service is ahead of ours, in milliseconds: at least and at most. Negative = it is behind. */
export type ClockBounds = {
  readonly aheadMinMs: number;
  readonly aheadMaxMs: number;
  /** Whether the run tells; otherwise these are assumed. */
  readonly isMeasured: boolean;
};

/** The service writes its times to more digits than it may know, and its answers to other clients to fewer. */
export const TIME_ROUNDING_MS = 1_000;

/**
 * Measures the clock of the service by the run itself: the service created each new registration after our request and updated it before our
 * answer. If the clocks drifted during the run, the bounds span all of it.
 */
export class ClockBoundsFold {
  #aheadMinMs = Number.NEGATIVE_INFINITY;
  #aheadMaxMs = Number.POSITIVE_INFINITY;

  /** @param clockEpochMs wall clock at 0 of the outcome's clock */
  add(outcome: RegistrationOutcome, clockEpochMs: number): void {
    const { result, substatus, possiblyTwice, startedAtMs, finishedAtMs } = outcome;
    if (result !== 'assigned' || substatus !== 'initialAssignment' || possiblyTwice) return;
    const createdMs = timeOf(outcome.serviceCreatedAt);
    const updatedMs = timeOf(outcome.serviceUpdatedAt) ?? createdMs;
    if (createdMs === null || updatedMs === null || startedAtMs === null || finishedAtMs === null) return;
    this.#aheadMinMs = Math.max(this.#aheadMinMs, updatedMs - (clockEpochMs + finishedAtMs));
    this.#aheadMaxMs = Math.min(this.#aheadMaxMs, createdMs - (clockEpochMs + startedAtMs));
  }

  result(): ClockBounds {
    const [one, other] = [this.#aheadMinMs, this.#aheadMaxMs];
    if (!Number.isFinite(one)) {
      return { aheadMinMs: -CLOCK_DIFFERENCE_MS, aheadMaxMs: CLOCK_DIFFERENCE_MS, isMeasured: false };
    }
    return { aheadMinMs: Math.min(one, other), aheadMaxMs: Math.max(one, other), isMeasured: true };
  }
}

/** Whether a time of the service was certainly earlier than a time of ours. */
export function isSurelyBefore(serviceMs: number, ourEpochMs: number, { aheadMinMs }: ClockBounds): boolean {
  return serviceMs + TIME_ROUNDING_MS < ourEpochMs + aheadMinMs;
}

/** Whether a time of the service was certainly later than a time of ours. */
export function isSurelyAfter(serviceMs: number, ourEpochMs: number, { aheadMaxMs }: ClockBounds): boolean {
  return serviceMs - TIME_ROUNDING_MS > ourEpochMs + aheadMaxMs;
}

/** Milliseconds since 1970 of a time that the service wrote; `null` = none, or unreadable. */
export function timeOf(text: string | null | undefined): number | null {
  const epochMs = Date.parse(text ?? '');
  return Number.isNaN(epochMs) ? null : epochMs;
}
