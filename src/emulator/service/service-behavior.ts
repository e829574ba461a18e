import type { Delay } from './draws.ts';

/** How the service behaves where the real one is configurable by nobody, or unknown. */
export type ServiceBehavior = {
  /** Sent with every `assigning`, in seconds; `null` = not sent. */
  readonly retryAfterSeconds: number | null;
  /** From a request's arrival to its answer. */
  readonly answerDelayMs: Delay;
  /** From the register request to the end of the assignment. */
  readonly assignmentDelayMs: Delay;
  /** From the register request until its operation is forgotten. */
  readonly operationLifetimeMs: number;
  /** How long after its expiry a SAS token is still taken. */
  readonly clockSkewSeconds: number;
  /** Share of register requests answered 409 when another of the same ID is still `assigning`, 0 to 1. */
  readonly conflictShare: number;
  /** What a device of a disabled enrollment is told: 200 with that status, or 401. */
  readonly disabledAnswer: 'disabled' | 'unauthorized';
  /** What a token is told that fits no enrollment: 401, or 404. */
  readonly unknownAnswer: 'unauthorized' | 'not-found';
  /** CONNACK to a user name of another form: bad user name or password, or not authorized. */
  readonly malformedUsernameCode: 4 | 5;
  /** A certificate whose common name is not the registration ID: refused at CONNECT, or 401 at the register request. */
  readonly commonNameCheck: 'connect' | 'register';
  /** Whether a group's key is applied to the registration ID as the device writes it, or in lower case. */
  readonly derivationCase: 'as-written' | 'lower';
  /** What SUBSCRIBE to another filter leads to: SUBACK 128, or a closed connection. */
  readonly otherFilters: 'refuse' | 'close';
  /** What PUBLISH to another topic, or without a request ID, leads to. */
  readonly otherTopics: 'close' | 'ignore';
  /** Without a packet from the device, the connection is closed after this time; `null` = never. */
  readonly idleTimeoutMs: number | null;
  /** Whether the final answer names the enrollment group. */
  readonly namesEnrollmentGroup: boolean;
  /** Whether a device may subscribe the exact topic of one answer, as tools without wildcards must. */
  readonly grantsExactFilters: boolean;
  /** How long the allocation webhook may take. */
  readonly webhookTimeoutMs: number;
};

export const SERVICE_BEHAVIOR_DEFAULT: ServiceBehavior = Object.freeze({
  // All captures of the real service show 3.
  retryAfterSeconds: 3,
  // The real service was seen to take 200 to 500 ms; a target for load tests should not add to what it measures.
  answerDelayMs: 0,
  // Between the two time stamps of the documented samples lie 180 to 240 ms.
  assignmentDelayMs: 200,
  // Documented samples poll one operation for 17.5 minutes; the upper limit is unknown.
  operationLifetimeMs: 20 * 60_000,
  // Unknown; the documentation only says that the clocks must agree.
  clockSkewSeconds: 0,
  // Seen to happen, how often is unknown; without it a repeated request starts a new operation.
  conflictShare: 0,
  // Evidence from unit tests of an official SDK.
  disabledAnswer: 'disabled',
  // The service has no hint of the enrollment but the token itself.
  unknownAnswer: 'unauthorized',
  // No documentation; 4 is what MQTT 3.1.1 calls a malformed user name.
  malformedUsernameCode: 4,
  // Follows from the form check that is made of client IDs.
  commonNameCheck: 'connect',
  // Unknown; the documentation derives from the ID as it is.
  derivationCase: 'as-written',
  // MQTT 3.1.1 has a return code for it.
  otherFilters: 'refuse',
  // As the hubs do.
  otherTopics: 'close',
  // The service: unknown; a load balancer in front of it is said to drop silent connections after about 4 minutes.
  idleTimeoutMs: null,
  // No capture of a group's final answer is known.
  namesEnrollmentGroup: false,
  // The documentation knows the filter with # alone.
  grantsExactFilters: false,
  // Unknown.
  webhookTimeoutMs: 5_000,
});

/** Standard deviations from the median to the 99th percentile of a normal distribution. */
export const P99_DEVIATIONS = 2.3263;
