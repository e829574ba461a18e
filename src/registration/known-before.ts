import type { RegistrationOutcome } from './registration-outcome.ts';

/** Clocks of service and client may differ by this much before a record counts as older than the run. */
const CLOCK_DIFFERENCE_MS = 5 * 60_000;

/**
 * Whether the service knew an assigned device before the run: its record is older, or the substatus says that it was
 * registered again although this run registered it once. `false` also where neither tells.
 *
 * @param runStartedAtEpochMs of the run's first session.
 */
export function wasKnownBefore(outcome: RegistrationOutcome, runStartedAtEpochMs: number): boolean {
  if (outcome.result !== 'assigned') return false;
  const createdAtMs = outcome.serviceCreatedAt === null ? Number.NaN : Date.parse(outcome.serviceCreatedAt);
  if (createdAtMs < runStartedAtEpochMs - CLOCK_DIFFERENCE_MS) return true;
  const isAgain = outcome.substatus !== null && outcome.substatus !== 'initialAssignment';
  return isAgain && outcome.round === 1 && !outcome.possiblyTwice;
}
