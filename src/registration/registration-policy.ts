/** Limits and habits of one registration. Every limit has a name, a unit and a reason. */
export type RegistrationPolicy = {
  /** Connections opened for one registration ID. */
  readonly attemptsMax: number;
  /**
   * Requests repeated on one connection: after 429, 5xx, 409, an answer that cannot be read, or a lost operation. With the
   * others it bounds what one registration sends: requests ≤ attemptsMax × (1 + requestRetriesMax) + pollsMax × registers.
   */
  readonly requestRetriesMax: number;
  /** Polls of one operation; ends endless `assigning`. */
  readonly pollsMax: number;
  /** From opening a connection to its CONNACK. */
  readonly connectTimeoutMs: number;
  /** From a request to its answer, and from SUBSCRIBE to SUBACK. */
  readonly responseTimeoutMs: number;
  /** The whole registration, from its actual start. */
  readonly deadlineMs: number;
  /** Pause before a poll when the answer carries no retry-after. */
  readonly pollDelayDefaultMs: number;
  /** A poll waits so long also where retry-after asks for less. */
  readonly pollDelayMinMs: number;
  /** A longer retry-after is clamped to this, and counted. */
  readonly retryAfterMaxMs: number;
  /**
   * Exponential backoff with full jitter for 429, 5xx, CONNACK 3 and lost connections without retry-after. Its base is also the
   * shortest pause where there is one: a service in trouble is not asked again at once, though it says 0.
   */
  readonly retryDelayBaseMs: number;
  readonly retryDelayMaxMs: number;
  /** 409: somebody registers the same ID at this moment; a random pause between these two. */
  readonly conflictDelayMinMs: number;
  readonly conflictDelayMaxMs: number;
  /** Whether a device whose certificate was refused (401002) connects once more: good ones were seen to be refused now and then. */
  readonly retriesInvalidCertificate: boolean;
  /**
   * From the actual start: a first register request that is not sent by then takes a permit of its own, as every repeated one
   * does. `null` = register requests need no permits.
   */
  readonly permitLapseMs: number | null;
};

export const REGISTRATION_POLICY_DEFAULT: RegistrationPolicy = Object.freeze({
  attemptsMax: 5,
  // At pauses of 10 s that is the whole deadline; it ends sooner what the service asks to repeat sooner.
  requestRetriesMax: 30,
  // The service polls its hubs for about a minute before it gives up; at a retry-after of 3 s that is 20 polls.
  pollsMax: 100,
  // A front end under load was seen to take seconds for a TLS handshake.
  connectTimeoutMs: 30_000,
  // What the official SDKs wait for an answer.
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
  // A certificate that is wrong is refused for as long as it is asked.
  retriesInvalidCertificate: false,
  permitLapseMs: null,
});

/** Where permits are needed: ample for connecting, and a twentieth of the minute by which quotas count. */
export const PERMIT_LAPSE_MS = 3_000;
