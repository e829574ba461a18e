/** How one registration ended. The first seven are outcomes of the machine, the rest are given by the coordinator or the report. */
export const REGISTRATION_RESULTS = [
  'assigned', // the service named a hub
  'failed', // the service ended the operation as failed, or refused the request for a reason of its own (404, 400, …)
  'disabled', // the enrollment is disabled
  'refused', // the credentials or the connection's identity were refused (401, CONNACK 1, 2, 4, 5, TLS)
  'throttled', // the last answer when attempts or deadline ran out was a 429
  'timed-out', // the deadline passed, or an answer never came
  'disconnected', // the connection could not be had or kept
  'cancelled', // stopped by the user while it was under way
  'not-started', // never sent
  'unknown', // released to a worker, and then the run died: perhaps sent
] as const;

export type RegistrationResult = (typeof REGISTRATION_RESULTS)[number];

/** Lengths of a registration's phases in milliseconds; of the last connection where there were several. `null` = not reached. */
export type RegistrationPhases = {
  /** Dialling to TCP connected, name look-up included. */
  readonly tcpMs: number | null;
  /** TCP connected to TLS established. */
  readonly tlsMs: number | null;
  /** CONNECT to CONNACK. */
  readonly connackMs: number | null;
  /** SUBSCRIBE to SUBACK. */
  readonly subackMs: number | null;
  /** The last register request to its first answer. */
  readonly acceptedMs: number | null;
  /** That first answer to the final one: assignment at the service, polls, and the pauses it asked for. */
  readonly assignedMs: number | null;
};

/** What is known of one registration when it has ended: all that a results row needs. */
export type RegistrationOutcome = {
  /** Place in the fleet, 0-based: the journal's key together with `round`. */
  readonly row: number;
  /** 1-based. */
  readonly round: number;
  /** Launch number of this session, dense from 0; `null` for a row that never was launched. */
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
   * The service may have acted on a register request of which nobody knows what became: its answer never came, could not be
   * read or was a 5xx, or it was accepted and its operation then forgotten. 429, 401 and 409 say that it was not acted on.
   */
  readonly possiblyTwice: boolean;
  readonly polls: number;
  /** Answers with 429. */
  readonly throttles: number;
  /** Answers with 5xx, and answers to the request in flight that could not be read. */
  readonly serverErrors: number;
  /** Answers that did not match the request in flight, and were dropped. */
  readonly staleAnswers: number;
  /** Answers whose retry-after was over the limit and was clamped. */
  readonly retryAftersClamped: number;
  /** The service's code in decimal (`401000`), or the client's own (`connack-3`, `tls-host-name`, `no-answer`). */
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly trackingId: string | null;
  readonly operationId: string | null;
  /** The service itself ended the operation, as failed or disabled: it registered nobody. */
  readonly operationFailed: boolean;
  readonly serviceCreatedAt: string | null;
  readonly serviceUpdatedAt: string | null;
  /** Times in milliseconds of the session's clock. Intended start: the schedule's; where there is none, the actual start. */
  readonly intendedAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** Held back by governor, canary or outage. */
  readonly heldMs: number;
  /** The part of it that fell between start and end, for register requests that were repeated. */
  readonly heldUnderWayMs: number;
  /** Sum of the pauses asked for by the service or the policy. */
  readonly waitedMs: number;
  readonly phases: RegistrationPhases;
  /** What the allocation webhook returned, as JSON text. */
  readonly returnedPayload: string | null;
};

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
