/** Limits and behavior of one registration. */
export type RegistrationPolicy = {
  /** Connections per registration. */
  readonly attemptsMax: number;
  /**
   * Requests repeated on one connection: after 429, 5xx, 409, an unreadable answer or a lost operation. Together with the other limits it
   * bounds what one registration sends: requests ≤ attemptsMax × (1 + requestRetriesMax) + pollsMax × registers.
   */
  readonly requestRetriesMax: number;
  /** Polls per operation; ends an endless `assigning`. */
  readonly pollsMax: number;
  /** From opening a connection to its CONNACK. */
  readonly connectTimeoutMs: number;
  /** From a request to its answer, and from SUBSCRIBE to SUBACK. */
  readonly responseTimeoutMs: number;
  /** The whole registration, from its actual start. */
  readonly deadlineMs: number;
  /** Pause before a poll when the answer carries no retry-after. */
  readonly pollDelayDefaultMs: number;
  /** Shortest pause before a poll, even if retry-after asks for less. */
  readonly pollDelayMinMs: number;
  /** A longer retry-after is clamped to this value and counted. */
  readonly retryAfterMaxMs: number;
  /**
   * Exponential backoff with full jitter for 429, 5xx, CONNACK 3 and lost connections without retry-after. With a retry-after, the base is
   * the shortest pause: even if a service in trouble says 0, it is not asked again at once.
   */
  readonly retryDelayBaseMs: number;
  readonly retryDelayMaxMs: number;
  /** 409, another client is registering the same ID: a random pause between these two. */
  readonly conflictDelayMinMs: number;
  readonly conflictDelayMaxMs: number;
  /** Whether a device whose certificate was refused (401002) connects once more: the service occasionally refuses good certificates. */
  readonly retriesInvalidCertificate: boolean;
  /**
   * How long a permit is valid, from its launch on: a first register request not sent by then needs a permit of its own, like every repeated
   * one. `null` = register requests need no permits.
   */
  readonly permitLapseMs: number | null;
};

export const REGISTRATION_POLICY_DEFAULT: RegistrationPolicy = Object.freeze({
  attemptsMax: 5,
  // With pauses of 10 s this takes the whole deadline; with shorter ones it ends the registration sooner.
  requestRetriesMax: 30,
  // The service polls its hubs for about a minute before it gives up; with a retry-after of 3 s that is 20 polls.
  pollsMax: 100,
  // A loaded front end can take seconds for a TLS handshake.
  connectTimeoutMs: 30_000,
  // The official SDKs wait as long.
  responseTimeoutMs: 30_000,
  deadlineMs: 300_000,
  // The official SDKs poll every 2 s; the service allows 5 polls in 10 s.
  pollDelayDefaultMs: 2_000,
  // A retry-after of 0 would make a tight loop: a hundred polls in the 200 ms that an assignment takes.
  pollDelayMinMs: 100,
  retryAfterMaxMs: 120_000,
  // Backoff of the service's guidance for large fleets and of its embedded SDK: 1 s to 100 s.
  retryDelayBaseMs: 1_000,
  retryDelayMaxMs: 100_000,
  conflictDelayMinMs: 1_000,
  conflictDelayMaxMs: 10_000,
  // A certificate that really is wrong would be refused every time.
  retriesInvalidCertificate: false,
  permitLapseMs: null,
});

/** `permitLapseMs` where permits are needed: ample for connecting, and a twentieth of the minute by which quotas are counted. */
export const PERMIT_LAPSE_MS = 3_000;
