import type { RefusingReturnCode } from './connect-check.ts';

/** Where in a device's conversation a fault can strike; `open`: a connection that is open when an outage begins. */
export type FaultPoint = 'handshake' | 'connect' | 'subscribe' | 'register' | 'poll' | 'assignment' | 'open';

/** What goes wrong. */
export type Fault =
  // Before MQTT.
  /** A TLS alert instead of a handshake. */
  | { readonly kind: 'refuse-tls' }
  /** The connection is accepted, and then nothing. */
  | { readonly kind: 'stall-tls' }
  // CONNECT and SUBSCRIBE.
  | { readonly kind: 'slow-connack'; readonly delayMs: number }
  | { readonly kind: 'lose-connack' }
  | { readonly kind: 'refuse-connect'; readonly returnCode: RefusingReturnCode }
  | { readonly kind: 'lose-suback' }
  | { readonly kind: 'refuse-subscription' }
  // Register requests and polls.
  /** Acknowledged, and then forgotten. */
  | { readonly kind: 'lose-request' }
  | { readonly kind: 'lose-puback' }
  | { readonly kind: 'lose-answer' }
  | { readonly kind: 'delay-answer'; readonly delayMs: number }
  | { readonly kind: 'duplicate-answer' }
  /** Held back until after the next answer on the same connection. */
  | { readonly kind: 'reorder-answer' }
  | { readonly kind: 'malform-answer'; readonly form: MalformedAnswer }
  /** The answer carries a request ID that nobody sent. */
  | { readonly kind: 'foreign-request-id' }
  /** `value` as it stands on the topic; `null` = left out. */
  | { readonly kind: 'retry-after'; readonly value: string | null }
  /** An error answer in place of the request's processing. */
  | { readonly kind: 'error-answer'; readonly errorCode: number; readonly retryAfterSeconds: number | null }
  // At every point of the MQTT conversation.
  | { readonly kind: 'disconnect'; readonly when: DisconnectMoment }
  /** The connection stays open, and nothing is read or written any more. */
  | { readonly kind: 'stall' }
  /** From here on everything is written in pieces with pauses between them. */
  | { readonly kind: 'fragment'; readonly bytes: number; readonly pauseMs: number }
  // The operation that a register request starts.
  | { readonly kind: 'endless-assigning' }
  | { readonly kind: 'slow-assignment'; readonly delayMs: number }
  | { readonly kind: 'fail-assignment'; readonly errorCode: number; readonly errorMessage: string }
  // Everything: connections are cut, and new ones reset.
  | { readonly kind: 'outage' };

export type FaultKind = Fault['kind'];

/** `before`: the packet counts as never received. `after-puback`: processed, acknowledged, not answered. */
export type DisconnectMoment = 'before' | 'after-puback' | 'after';

export type MalformedAnswer = 'no-json' | 'truncated' | 'empty' | 'no-status' | 'unknown-topic';

/** A fault with the requests that it strikes. */
export type FaultRule = {
  readonly fault: Fault;
  readonly points: readonly FaultPoint[];
  /** Pattern of registration IDs with `*` for any characters, case-insensitive; `null` = all. */
  readonly registrationIds: string | null;
  /** Of what matches, 0 to 1. */
  readonly share: number;
  /** Milliseconds since the emulator's start; `untilMs` is exclusive, `null` = for ever. */
  readonly fromMs: number;
  readonly untilMs: number | null;
  /** Strikes one registration ID at most so often; `null` = always. */
  readonly timesPerDevice: number | null;
};

const REQUESTS: readonly FaultPoint[] = ['register', 'poll'];
const CONVERSATION: readonly FaultPoint[] = ['connect', 'subscribe', ...REQUESTS];

/** Where each fault can strike. */
export const FAULT_POINTS: Readonly<Record<FaultKind, readonly FaultPoint[]>> = Object.freeze({
  'refuse-tls': ['handshake'],
  'stall-tls': ['handshake'],
  'slow-connack': ['connect'],
  'lose-connack': ['connect'],
  'refuse-connect': ['connect'],
  'lose-suback': ['subscribe'],
  'refuse-subscription': ['subscribe'],
  'lose-request': REQUESTS,
  'lose-puback': REQUESTS,
  'lose-answer': REQUESTS,
  'delay-answer': REQUESTS,
  'duplicate-answer': REQUESTS,
  'reorder-answer': REQUESTS,
  'malform-answer': REQUESTS,
  'foreign-request-id': REQUESTS,
  'retry-after': REQUESTS,
  'error-answer': REQUESTS,
  disconnect: CONVERSATION,
  stall: CONVERSATION,
  fragment: CONVERSATION,
  'endless-assigning': ['assignment'],
  'slow-assignment': ['assignment'],
  'fail-assignment': ['assignment'],
  outage: ['handshake', 'open', ...CONVERSATION],
});
