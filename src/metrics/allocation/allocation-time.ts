import type { RegistrationOutcome } from '../../registration/registration-outcome.ts';

/**
 * How long the service took to find a hub, by its own clock: from the creation of the registration record to its last
 * update, of initial assignments. Neither polls nor their pauses are in it. `null` = not known: a repeated registration
 * keeps the time of creation, so that what is longer than the registration itself is none.
 */
export function allocationMs(outcome: RegistrationOutcome): number | null {
  const { substatus, serviceCreatedAt, serviceUpdatedAt, startedAtMs, finishedAtMs } = outcome;
  if (substatus !== 'initialAssignment' || serviceCreatedAt === null || serviceUpdatedAt === null) return null;
  if (startedAtMs === null || finishedAtMs === null) return null;
  const durationMs = Date.parse(serviceUpdatedAt) - Date.parse(serviceCreatedAt);
  return durationMs >= 0 && durationMs <= finishedAtMs - startedAtMs ? durationMs : null;
}
