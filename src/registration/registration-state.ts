import type { ConversationEvent } from '../conversation/conversation.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';

/** The registration's constants. */
export type RegistrationSubject = {
  readonly registrationId: string;
  /** How many keys the device has; they are tried one after the other. */
  readonly keys: number;
  /** Seed of the jitter. */
  readonly seed: number;
  /** When the launch's permit lapses; `null` = as long after its start as the policy says. */
  readonly permitUntilMs: number | null;
};

export type RequestKind = 'register' | 'poll';

/** How a registration ends, or would end if it were given up now. */
export type RegistrationVerdict = Pick<RegistrationOutcome, 'result' | 'errorCode' | 'errorMessage' | 'trackingId'>;

/** Counts and measurements that go into the outcome unchanged. */
export type RegistrationCounts = Pick<RegistrationOutcome, keyof typeof NO_COUNTS>;

/** Everything known so far, in whatever phase. */
export type RegistrationProgress = RegistrationCounts & {
  readonly subject: RegistrationSubject;
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
  /** End of the last measured phase and start of the next. */
  readonly milestoneAtMs: number;
  /** First answer to the last register request. */
  readonly acceptedAtMs: number | null;
  readonly pollsOfOperation: number;
  /** The key in use, from 0. */
  readonly key: number;
  /** A refused certificate has been presented again, which the policy may allow once. */
  readonly certificateRetried: boolean;
  /** Requests repeated on this connection. */
  readonly requestRetries: number;
  /** Troubles since the service last made progress: the exponent of the backoff. */
  readonly troublesInARow: number;
  readonly lastTrouble: RegistrationVerdict | null;
  /** When recent attempts failed, at most as many as the policy allows: an outage that is noticed later excuses those in it. */
  readonly failedAtMs: readonly number[];
  /** Attempts that an outage excuses. */
  readonly attemptsRefunded: number;
  /** Since when the target does not respond; `null` = no outage is known. */
  readonly outageSinceMs: number | null;
  /** Time before this is already excused from the deadline, as far as it fell into an outage. */
  readonly excusedUntilMs: number | null;
};

/** `wakeAtMs`: when the machine wants `woke`, unless another event comes first. */
export type RegistrationState = { readonly progress: RegistrationProgress } & (
  | { readonly phase: 'connecting'; readonly wakeAtMs: number }
  /** Connected, but not ready for requests (MQTT: between CONNACK and SUBACK). */
  | { readonly phase: 'awaitingReady'; readonly wakeAtMs: number }
  | { readonly phase: 'awaitingAnswer'; readonly wakeAtMs: number; readonly asked: RequestKind }
  /** The connection is open, and a register request waits for its place within the quota. */
  | { readonly phase: 'awaitingPermit'; readonly wakeAtMs: number; readonly askedAtMs: number }
  | {
      readonly phase: 'pausing';
      readonly wakeAtMs: number;
      readonly pausedAtMs: number;
      /** `ask`: the connection stays open. `reconnect`: it is closed. */
      readonly then: 'ask' | 'reconnect';
      /** The part of the pause that the service asked for ends here; the rest is backoff. */
      readonly askedUntilMs: number;
    }
  /** No connection: the target does not respond, and `released` comes when connecting makes sense. Has no time limit of its own. */
  | {
      readonly phase: 'held';
      readonly wakeAtMs: null;
      readonly heldAtMs: number;
      /** Since when the outage lasted. */
      readonly sinceMs: number;
    }
  | { readonly phase: 'done'; readonly wakeAtMs: null }
);

export type RegistrationEvent = { readonly atMs: number } & (
  | ConversationEvent
  | { readonly type: 'woke' }
  | { readonly type: 'permitGranted'; readonly validUntilMs: number }
  | { readonly type: 'cancelled' }
  /** The target has not responded since then, as all connections of the run show. */
  | { readonly type: 'outageBegan'; readonly sinceMs: number }
  | { readonly type: 'outageEnded' }
  /** A held registration may connect. */
  | { readonly type: 'released' }
);

/** The machine's part of an outcome. */
export type RegistrationEnding = RegistrationVerdict &
  RegistrationCounts &
  Pick<
    RegistrationOutcome,
    | 'assignedHub'
    | 'deviceId'
    | 'substatus'
    | 'operationFailed'
    | 'serviceCreatedAt'
    | 'serviceUpdatedAt'
    | 'finishedAtMs'
    | 'returnedPayload'
  > & { readonly startedAtMs: number };

export type RegistrationCommand =
  /** `key`: index of the device's key, from 0. */
  | { readonly type: 'openConversation'; readonly key: number }
  | { readonly type: 'register' }
  | { readonly type: 'poll'; readonly operationId: string }
  /** Also sent when no conversation may be open. */
  | { readonly type: 'closeConversation' }
  /** Asks for `permitGranted`; at most one such request is pending. `repeats`: an earlier register request was sent, and this is the first request for a permit since. */
  | { readonly type: 'requestPermit'; readonly repeats: boolean }
  | { readonly type: 'withdrawPermit' }
  /** The connection failed, or the service did not answer in time. `reached`: TLS had been established. */
  | { readonly type: 'reportLost'; readonly reached: boolean }
  /** The registration is held from now on, or no longer. */
  | { readonly type: 'reportHold'; readonly held: boolean }
  /** A 429 came; `retryAfterSeconds` as the service sent it. */
  | { readonly type: 'reportThrottle'; readonly retryAfterSeconds: number | null }
  /** The last command. */
  | { readonly type: 'finish'; readonly ending: RegistrationEnding };

export type Transition = {
  readonly state: RegistrationState;
  readonly commands: readonly RegistrationCommand[];
};

/** The counts of a registration that has not begun. */
export const NO_COUNTS = {
  attempts: 0,
  registersSent: 0,
  possiblyTwice: false,
  polls: 0,
  throttles: 0,
  serverErrors: 0,
  staleAnswers: 0,
  retryAftersClamped: 0,
  waitedMs: 0,
  heldUnderWayMs: 0,
  operationId: null,
  phases: {
    dnsMs: null,
    tcpMs: null,
    tlsMs: null,
    connackMs: null,
    subackMs: null,
    acceptedMs: null,
    assignedMs: null,
  },
} as const satisfies Partial<RegistrationOutcome>;
