import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** Where the time of one registration went, in milliseconds; response = held + start lag + service + waited. */
export type OutcomeTimes = {
  /** Intended start to end: what the device, or its owner, waited. */
  readonly responseMs: number;
  /** Held back by governor, canary or outage. */
  readonly heldMs: number;
  /** The load generator's own lateness: intended start to actual start, without what was held. */
  readonly startLagMs: number;
  /** Actual start to end without pauses and holds: the work of service, network and client. */
  readonly serviceMs: number;
  /** Pauses asked for by the service or the policy, summed. */
  readonly waitedMs: number;
};

const MICROSECONDS_PER_MS = 1000;

/**
 * `null` for a registration that never started or never ended. Computed in whole microseconds, in which the sum is exact;
 * a part is negative only where clocks or records are wrong.
 */
export function outcomeTimes(outcome: RegistrationOutcome): OutcomeTimes | null {
  const { intendedAtMs, startedAtMs, finishedAtMs } = outcome;
  if (intendedAtMs === null || startedAtMs === null || finishedAtMs === null) return null;
  const [intended, started, finished] = [micros(intendedAtMs), micros(startedAtMs), micros(finishedAtMs)];
  const [held, heldUnderWay] = [micros(outcome.heldMs), micros(outcome.heldUnderWayMs)];
  const waited = micros(outcome.waitedMs);
  return {
    responseMs: (finished - intended) / MICROSECONDS_PER_MS,
    heldMs: held / MICROSECONDS_PER_MS,
    startLagMs: (started - intended - (held - heldUnderWay)) / MICROSECONDS_PER_MS,
    serviceMs: (finished - started - waited - heldUnderWay) / MICROSECONDS_PER_MS,
    waitedMs: waited / MICROSECONDS_PER_MS,
  };
}

function micros(ms: number): number {
  return Math.round(ms * MICROSECONDS_PER_MS);
}

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
