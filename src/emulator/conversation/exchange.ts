/** A request that has no answer yet. */
export type Outstanding = {
  readonly kind: 'register' | 'poll';
  readonly atMs: number;
  readonly operationId: string | null;
};

/** The latest answer to a device, over whatever connection. */
export type LastAnswer = {
  readonly status: number;
  /** `null` = none, or not a number. */
  readonly retryAfterSeconds: number | null;
  readonly atMs: number;
  readonly requestedAtMs: number;
};

/** What the rules know of one connection. */
export type ConnectionFacts = {
  /** By request ID. */
  readonly outstanding: Map<string, Outstanding>;
  /** When each answer with QoS 1 was sent that has no PUBACK. */
  readonly unacknowledged: number[];
  isSubscribed: boolean;
  hasDisconnected: boolean;
  finalAtMs: number | null;
};

/** What the rules know of a device beyond one connection. */
export type DeviceFacts = {
  /** Every operation that the device was told, the latest last. */
  readonly operationIds: string[];
  /** The operation that has not ended; `null` = none, or the device may have forgotten it. */
  operationId: string | null;
  last: LastAnswer | null;
  /** Requests and connections in a row that followed a refusal at once. */
  hastyRetries: number;
  /** When CONNACK refused the device; `null` = it did not, the last time. */
  refusedAtMs: number | null;
  /** When the device sent DISCONNECT; `null` = its last connection ended otherwise. */
  disconnectedAtMs: number | null;
};

/** More requests at once than any device sends. */
export const OUTSTANDING_MAX = 50;
/** More operations than any device remembers. */
export const OPERATIONS_MAX = 20;

export function newConnectionFacts(): ConnectionFacts {
  return { outstanding: new Map(), unacknowledged: [], isSubscribed: false, hasDisconnected: false, finalAtMs: null };
}

export function newDeviceFacts(): DeviceFacts {
  return {
    operationIds: [],
    operationId: null,
    last: null,
    hastyRetries: 0,
    refusedAtMs: null,
    disconnectedAtMs: null,
  };
}
