import type { MqttEvent } from '../mqtt/mqtt-connection.ts';
import type { RegistrationOutcome } from './registration-outcome.ts';

/** What a registration is about; never changes. */
export type RegistrationSubject = {
  readonly registrationId: string;
  /** JSON text for the allocation webhook. */
  readonly payloadJson: string | null;
  /** Keys that the device can prove itself with, tried one after the other. */
  readonly keys: number;
  /** Begins every `$rid`; no other registration of this ID, also of an earlier run, has the same. */
  readonly requestIdPrefix: string;
  /** Of the jitter. */
  readonly seed: number;
};

export type RequestKind = 'register' | 'poll';

/** How a registration ends, or would end were it given up now. */
export type RegistrationVerdict = Pick<RegistrationOutcome, 'result' | 'errorCode' | 'errorMessage' | 'trackingId'>;

/** What is known so far, whatever the phase. */
export type RegistrationProgress = RegistrationTally & {
  readonly subject: RegistrationSubject;
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
  /** Where the last measured phase ended and the next begins. */
  readonly milestoneAtMs: number;
  /** First answer to the last register request. */
  readonly acceptedAtMs: number | null;
  readonly pollsOfOperation: number;
  /** The key in use, from 0. */
  readonly key: number;
  /** A refusal of the certificate has been asked again, as the policy may allow once. */
  readonly certificateRetried: boolean;
  /** Requests repeated on this connection. */
  readonly requestRetries: number;
  /** Since the service last made progress; the exponent of the backoff. */
  readonly troublesInARow: number;
  /** The last of them. */
  readonly trouble: RegistrationVerdict | null;
};

/** `wakeAtMs`: when the machine wants `woke`, should nothing else happen before. */
export type RegistrationState = { readonly progress: RegistrationProgress } & (
  | { readonly phase: 'connecting'; readonly wakeAtMs: number }
  | { readonly phase: 'subscribing'; readonly wakeAtMs: number }
  | {
      readonly phase: 'awaitingResponse';
      readonly wakeAtMs: number;
      readonly requestId: string;
      readonly asked: RequestKind;
    }
  /** The connection is open, and a register request waits for its place within the quota. */
  | { readonly phase: 'awaitingPermit'; readonly wakeAtMs: number; readonly askedAtMs: number }
  | {
      readonly phase: 'pausing';
      readonly wakeAtMs: number;
      readonly pausedAtMs: number;
      /** `ask`: the connection stays open. `reconnect`: there is none. */
      readonly then: 'ask' | 'reconnect';
    }
  | { readonly phase: 'done'; readonly wakeAtMs: null }
);

export type RegistrationEvent = { readonly atMs: number } & (
  | MqttEvent
  | { readonly type: 'woke' }
  | { readonly type: 'permitGranted' }
  | { readonly type: 'cancelled' }
);

/** All of an outcome that the machine knows; the rest is the launch's. */
export type RegistrationEnding = Omit<
  RegistrationOutcome,
  | 'row'
  | 'round'
  | 'sequence'
  | 'registrationId'
  | 'group'
  | 'expectedHub'
  | 'otherValues'
  | 'intendedAtMs'
  | 'startedAtMs'
  | 'heldMs'
> & { readonly startedAtMs: number };

export type RegistrationCommand =
  /** `key`: of the device's keys, from 0. */
  | { readonly type: 'openConnection'; readonly key: number }
  | { readonly type: 'subscribe'; readonly topicFilter: string }
  | { readonly type: 'publish'; readonly topic: string; readonly payload: string }
  /** Also where there may be none any more. */
  | { readonly type: 'closeConnection' }
  /** Asks for `permitGranted`; one request at a time is out. `repeats`: an earlier register request was sent. */
  | { readonly type: 'requestPermit'; readonly repeats: boolean }
  | { readonly type: 'withdrawPermit' }
  /** The connection failed, or the other side kept silent for too long. */
  | { readonly type: 'reportLost' }
  /** A 429 came; `retryAfterSeconds` as the service sent it. */
  | { readonly type: 'reportThrottle'; readonly retryAfterSeconds: number | null }
  /** The last command. */
  | { readonly type: 'finish'; readonly ending: RegistrationEnding };

export type Transition = {
  readonly state: RegistrationState;
  readonly commands: readonly RegistrationCommand[];
};

/** What has been counted and measured of a registration; goes into the outcome as it is. */
export type RegistrationTally = Pick<
  RegistrationOutcome,
  | 'attempts'
  | 'registersSent'
  | 'possiblyTwice'
  | 'polls'
  | 'throttles'
  | 'serverErrors'
  | 'staleAnswers'
  | 'retryAftersClamped'
  | 'waitedMs'
  | 'heldUnderWayMs'
  | 'operationId'
  | 'phases'
>;

/** Of a registration that has not begun. */
export const EMPTY_TALLY: RegistrationTally = Object.freeze({
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
  phases: Object.freeze({
    tcpMs: null,
    tlsMs: null,
    connackMs: null,
    subackMs: null,
    acceptedMs: null,
    assignedMs: null,
  }),
});
