import { z } from 'zod';
import { choice, delay, durationMs, mapping, orElse, secondsOrNone, share, trueOrFalse } from './notation.ts';
import { SERVICE_API_BEHAVIOR_DEFAULT, serviceApiBehaviorSchema } from './service-api-behavior.ts';

/** How the service behaves where nobody can configure the real one, or nobody knows what it does. */
export const behaviorSchema = mapping({
  // Not documented for the service.
  offersTls13: orElse(trueOrFalse, false).describe('offer TLS 1.3 beside TLS 1.2; default: false'),
  // All captures of the real service show 3.
  retryAfter: orElse(secondsOrNone, 3).describe('retry-after of every assigning answer; default: 3s'),
  // The real service took 200 to 500 ms. A target for load tests should not add to what it measures.
  answerDelay: orElse(delay, 0).describe('time from a request to its answer; default: 0s'),
  // The two timestamps of the documented samples are 180 to 240 ms apart.
  assignmentDelay: orElse(delay, 200).describe('time from the register request to the assignment; default: 200ms'),
  // Documented samples poll one operation for 17.5 minutes; the upper limit is unknown.
  operationLifetime: orElse(durationMs, 20 * 60_000).describe(
    'time from the register request until its operation is forgotten; default: 20m',
  ),
  // Unknown; the documentation only says that the clocks must agree.
  clockSkew: orElse(durationMs, 0).describe('how long an expired SAS token is still accepted; default: 0s'),
  // Evidence from unit tests of an official SDK.
  disabledAnswer: orElse(choice('disabled', 'unauthorized'), 'disabled').describe(
    'answer to a device whose enrollment is disabled: 200 with status disabled (default), or 401',
  ),
  // The token is the service's only hint of the enrollment.
  unknownAnswer: orElse(choice('unauthorized', 'not-found'), 'unauthorized').describe(
    'answer to a token that matches no enrollment: 401 (default), or 404',
  ),
  // Undocumented; 4 is what MQTT 3.1.1 calls a malformed user name.
  malformedUsernameCode: orElse(z.union([z.literal(4), z.literal(5)], { error: 'must be 4 or 5' }), 4).describe(
    'CONNACK return code for a malformed user name; default: 4',
  ),
  // Unknown; the service requires one, and newer ones will follow.
  otherApiVersions: orElse(choice('refuse', 'accept'), 'refuse').describe(
    'reaction to an api-version that the service is not known to have: refuse as a malformed user name (default), or accept',
  ),
  // Follows from the check of the client ID's form.
  commonNameCheck: orElse(choice('connect', 'register'), 'connect').describe(
    'where a certificate whose common name is not the registration ID is refused: CONNACK 5 (default), or 401 to the register request',
  ),
  // Unknown; the documentation derives the key from the ID as it is.
  derivationCase: orElse(choice('as-written', 'lower'), 'as-written').describe(
    'case of the registration ID from which device keys are derived; default: as-written',
  ),
  // MQTT 3.1.1 has a return code for it.
  otherFilters: orElse(choice('refuse', 'close'), 'refuse').describe(
    'reaction to SUBSCRIBE with another filter: SUBACK 128 (default), or close the connection',
  ),
  // As the hubs do.
  otherTopics: orElse(choice('close', 'ignore'), 'close').describe(
    'reaction to PUBLISH to another topic, or without a request ID: close the connection (default), or ignore it',
  ),
  // Unknown; a load balancer in front of the service is said to drop silent connections after about 4 minutes.
  idleTimeout: orElse(durationMs, null).describe('close connections that are silent for this long; default: never'),
  // No capture of a group's final answer is known.
  namesEnrollmentGroup: orElse(trueOrFalse, false).describe(
    'whether the final answer names the enrollment group; default: false',
  ),
  // The documentation mentions only the filter with #.
  grantsExactFilters: orElse(trueOrFalse, false).describe(
    'grant subscriptions to the exact topic of one answer, for tools that cannot use wildcards; default: false',
  ),
  // Unknown.
  webhookTimeout: orElse(durationMs, 5_000).describe('how long an allocation webhook may take; default: 5s'),
  // Observed, but how often is unknown. Without it, a repeated request starts a new operation.
  conflictShare: orElse(share, 0).describe(
    'share of register requests that get 409 while another of the same ID is still assigning; default: 0%',
  ),
  serviceApi: orElse(serviceApiBehaviorSchema, SERVICE_API_BEHAVIOR_DEFAULT),
  // Unknown; SDKs are refused for seconds to minutes after some assignments.
  hubIdentityDelay: orElse(durationMs, 0).describe(
    'time from an assignment until the hub knows the new identity; default: 0s',
  ),
  // Unknown which of the two the service stores for a device of a group.
  hubGroupCertificates: orElse(choice('authority', 'leaf'), 'authority').describe(
    "what a hub verifies for a device of an X.509 group: a chain to the group's certificates (default), or the thumbprint of the certificate with which the device registered",
  ),
  // Documented only as the first minute or two.
  hubBurst: orElse(durationMs, 60_000).describe(
    'excess of new connections, measured in time at the limit, that a hub still serves at once; default: 1m',
  ),
  // A CONNACK after 54 s was observed; the official SDKs wait for at most 60 s.
  hubQueue: orElse(durationMs, 60_000).describe(
    'how long a hub lets a new connection over its limit wait for CONNACK before it closes further ones; default: 1m',
  ),
}).transform(
  ({
    retryAfter,
    answerDelay,
    assignmentDelay,
    operationLifetime,
    clockSkew,
    idleTimeout,
    webhookTimeout,
    hubIdentityDelay,
    hubBurst,
    hubQueue,
    ...others
  }) => ({
    ...others,
    retryAfterSeconds: retryAfter,
    answerDelayMs: answerDelay,
    assignmentDelayMs: assignmentDelay,
    operationLifetimeMs: operationLifetime,
    clockSkewSeconds: clockSkew / 1000,
    idleTimeoutMs: idleTimeout,
    webhookTimeoutMs: webhookTimeout,
    hubIdentityDelayMs: hubIdentityDelay,
    hubBurstMs: hubBurst,
    hubQueueMs: hubQueue,
  }),
);

export type ServiceBehavior = Readonly<z.output<typeof behaviorSchema>>;

export const SERVICE_BEHAVIOR_DEFAULT: ServiceBehavior = Object.freeze(behaviorSchema.parse({}));
