import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** The time of one registration: response = held + start lag + service + waited. */
type OutcomeTimes = {
  /** Intended start to end: the wait of the device, or its owner. */
  readonly responseMs: number;
  /** Held back by the governor, the canary or an outage. */
  readonly heldMs: number;
  /** Intended to actual start, without holds: waiting for a slot, and lateness of the load generator. */
  readonly startLagMs: number;
  /** Actual start to end without pauses and holds: the work of the service, the network and the client. */
  readonly serviceMs: number;
  /** Sum of the pauses requested by the service or the policy. */
  readonly waitedMs: number;
};

const MICROSECONDS_PER_MS = 1000;

/**
 * `null` for a registration that never started or never ended. Computed in whole microseconds, to keep the sum exact; a
 * part is negative only if clocks or records are wrong.
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
 * The time that the service took to choose a hub, by its own clock: creation to last update of the registration record of
 * an initial assignment, without polls and their pauses. `null` = unknown. A repeated registration keeps its creation
 * time, so a time longer than the registration itself is not valid.
 */
export function allocationMs(outcome: RegistrationOutcome): number | null {
  const { substatus, serviceCreatedAt, serviceUpdatedAt, startedAtMs, finishedAtMs } = outcome;
  if (substatus !== 'initialAssignment' || serviceCreatedAt === null || serviceUpdatedAt === null) return null;
  if (startedAtMs === null || finishedAtMs === null) return null;
  const durationMs = Date.parse(serviceUpdatedAt) - Date.parse(serviceCreatedAt);
  return durationMs >= 0 && durationMs <= finishedAtMs - startedAtMs ? durationMs : null;
}

/**
 * The registration without all the delays that the load generator may have caused: the fastest that it can have been.
 * For bounds only, never for the figures of a run.
 */
export function withoutStalls(outcome: RegistrationOutcome): RegistrationOutcome {
  const { stalled, phases, startedAtMs, finishedAtMs, heldMs } = outcome;
  if (stalled === null || startedAtMs === null || finishedAtMs === null) return outcome;
  const beforeMs = stalled.heldMs + stalled.startLagMs;
  const less = (phase: keyof typeof phases): number | null => {
    const durationMs = phases[phase];
    return durationMs === null ? null : Math.max(0, durationMs - stalled[phase]);
  };
  return {
    ...outcome,
    heldMs: Math.max(0, heldMs - stalled.heldMs),
    startedAtMs: startedAtMs - beforeMs,
    finishedAtMs: finishedAtMs - beforeMs - stalled.serviceMs,
    phases: {
      dnsMs: less('dnsMs'),
      tcpMs: less('tcpMs'),
      tlsMs: less('tlsMs'),
      connackMs: less('connackMs'),
      subackMs: less('subackMs'),
      acceptedMs: less('acceptedMs'),
      assignedMs: less('assignedMs'),
    },
  };
}
