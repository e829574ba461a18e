/** How one registration ended. The machine sets all but the last two, which the run or the report sets. */
export const REGISTRATION_RESULTS = [
  'assigned', // the service named a hub
  'failed', // the service failed the operation, or rejected the request (404, 400, …)
  'disabled', // the enrollment is disabled
  'refused', // the credentials or the connection's identity were refused (401, CONNACK 1, 2, 4, 5, TLS)
  'throttled', // the last answer when attempts or deadline ran out was a 429
  'timed-out', // the deadline passed, or an answer never came
  'disconnected', // no connection could be made or kept
  'cancelled', // stopped by the user while in flight
  'not-started', // never sent
  'unknown', // released to a worker before the run died: possibly sent
] as const;

export type RegistrationResult = (typeof REGISTRATION_RESULTS)[number];

/** Durations of a registration's phases in milliseconds, on its last connection. `null` = not reached. */
export type RegistrationPhases = {
  /** Dialing to the host's addresses; `null` where they were known before. */
  readonly dnsMs: number | null;
  /** Addresses known to TCP connected. */
  readonly tcpMs: number | null;
  /** TCP connected to TLS established. */
  readonly tlsMs: number | null;
  /** CONNECT to CONNACK. */
  readonly connackMs: number | null;
  /** SUBSCRIBE to SUBACK. */
  readonly subackMs: number | null;
  /** The last register request to its first answer. */
  readonly acceptedMs: number | null;
  /** That first answer to the final one: assignment at the service, polls and the pauses it asked for. */
  readonly assignedMs: number | null;
};

/**
 * How much of a registration's times the load generator itself may have caused, in milliseconds: the overlap with stalls of its event loop,
 * and its lateness. Upper bounds: an answer that came after a stall was not delayed by it. No measured time is corrected by them.
 */
export type StalledTimes = { readonly [Phase in keyof RegistrationPhases]: number } & {
  /** Held because the process was suspended. */
  readonly heldMs: number;
  /** Start lag other than waiting for a slot. */
  readonly startLagMs: number;
  /** Actual start to end, without pauses and holds. */
  readonly serviceMs: number;
};

/** Everything that a results row needs. */
export type RegistrationOutcome = {
  /** The journal's name for it: it keeps outcomes as they are, since copying so many members costs more than writing them. */
  readonly kind: 'outcome';
  /** Place in the fleet, 0-based: the journal's key together with `round`. */
  readonly row: number;
  /** 1-based. */
  readonly round: number;
  /** Launch number within the session, consecutive from 0; `null` for a row that was never launched. */
  readonly sequence: number | null;
  readonly registrationId: string;
  readonly group: string | null;
  readonly expectedHub: string | null;
  /** The fleet's other columns, in the order of the session record's `otherColumns`. */
  readonly otherValues: readonly string[];
  readonly result: RegistrationResult;
  readonly assignedHub: string | null;
  readonly deviceId: string | null;
  readonly substatus: string | null;
  /** Connections opened. */
  readonly attempts: number;
  readonly registersSent: number;
  /**
   * The service may have acted on a register request whose fate is unknown: its answer never came, was unreadable or was a 5xx, or the
   * service accepted it and then lost its operation. 429, 401 and 409 mean that the service did not act.
   */
  readonly possiblyTwice: boolean;
  readonly polls: number;
  /** Answers with 429. */
  readonly throttles: number;
  /** 5xx and unreadable answers to the request in flight. */
  readonly serverErrors: number;
  /** Answers that were dropped because they did not match the request in flight. */
  readonly staleAnswers: number;
  /** Answers whose retry-after exceeded the limit and was clamped. */
  readonly retryAftersClamped: number;
  /** Earlier launches in this session whose requests these counts include: an outage ended them after they had sent some. */
  readonly launchesIncluded: number;
  /** The service's code in decimal (`401000`), or the client's own (`connack-3`, `tls-host-name`, `no-answer`). */
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly trackingId: string | null;
  readonly operationId: string | null;
  /** The service ended the operation as failed or disabled: it did not register the device. */
  readonly operationFailed: boolean;
  readonly serviceCreatedAt: string | null;
  readonly serviceUpdatedAt: string | null;
  /** Milliseconds on the session's clock. The intended start is the schedule's, or the actual start if there is no schedule. */
  readonly intendedAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** Time held back by the quota, the governor, an outage or a suspension of the process. */
  readonly heldMs: number;
  /** The part of `heldMs` between start and end: repeated register requests that waited for a permit, and waiting for an outage to end. */
  readonly heldUnderWayMs: number;
  /** Sum of the pauses required by the service or the policy. */
  readonly waitedMs: number;
  readonly phases: RegistrationPhases;
  /** The part of the start lag that passed until a slot was free: earlier registrations took longer than the load allows for. */
  readonly slotWaitMs: number;
  /** `null` = nothing of it; also in journals of versions that did not measure it. */
  readonly stalled: StalledTimes | null;
  /** What the allocation webhook returned, as JSON text. */
  readonly returnedPayload: string | null;
  /** Name of the agent that made it; `null` = a thread of this machine, or nothing was sent. Set by the run. */
  readonly agent: string | null;
};

/** Tolerated difference between the clocks of service and client when judging whether a record is older than the run. */
export const CLOCK_DIFFERENCE_MS = 5 * 60_000;

/**
 * Returns whether the service knew an assigned device before the run: its record is older, or the substatus reports another registration
 * although this run registered it only once. `false` if neither is conclusive.
 *
 * @param runStartedAtEpochMs start of the run's first session
 */
export function wasKnownBefore(outcome: RegistrationOutcome, runStartedAtEpochMs: number): boolean {
  if (outcome.result !== 'assigned') return false;
  const createdAtMs = outcome.serviceCreatedAt === null ? Number.NaN : Date.parse(outcome.serviceCreatedAt);
  if (createdAtMs < runStartedAtEpochMs - CLOCK_DIFFERENCE_MS) return true;
  const isAgain = outcome.substatus !== null && outcome.substatus !== 'initialAssignment';
  return isAgain && outcome.round === 1 && !outcome.possiblyTwice;
}
