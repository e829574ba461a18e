import type { ConnectIdentity } from '../dps/connect-identity.ts';
import type { AnswerBody } from '../dps/payloads.ts';
import type { ClientCertificate } from './client-certificate.ts';
import type { ConnectionFailure } from './connection-failure.ts';

/** Who connects, and how it proves its identity. Holds secrets: never log it. */
export type ConversationIdentity = ConnectIdentity & {
  readonly userAgent: string;
  /** `null` with X.509: no password is sent. */
  readonly password: string | null;
  /** Presented in the TLS handshake; `null` with symmetric keys. */
  readonly clientCertificate: ClientCertificate | null;
};

export type Answer = {
  /** HTTP-like. */
  readonly status: number;
  /** Whole seconds; `null` when absent or not a whole number. */
  readonly retryAfterSeconds: number | null;
  /** `null` when the body is not a JSON object. */
  readonly body: AnswerBody | null;
};

/**
 * The first five come in this order, each at most once. `answered` and `stale` can come at any time after `connected`, `lost` at any time;
 * `unsent` can come in place of an answer to a register request. `lost` and `unsent` are last events.
 */
export type ConversationEvent =
  /** The name service gave the host's addresses; does not come where they were known before. */
  | { readonly type: 'resolved' }
  | { readonly type: 'tcpConnected' }
  /** With the TLS version that was agreed on, as in `TLSv1.3`; without, where there is no TLS. */
  | { readonly type: 'secured'; readonly tlsVersion?: string | null }
  /** The service accepted the connection (MQTT: CONNACK). */
  | { readonly type: 'connected' }
  /** Requests can be sent (MQTT: SUBACK). */
  | { readonly type: 'ready' }
  /** The answer to the request in flight. */
  | ({ readonly type: 'answered' } & Answer)
  /** An answer that matches no request in flight. */
  | { readonly type: 'stale' }
  | { readonly type: 'lost'; readonly failure: ConnectionFailure }
  /** The register request in flight was not sent, and never will be: nothing may be sent any more. */
  | { readonly type: 'unsent'; readonly failure: ConnectionFailure };

/**
 * One connection of one device to the service, in requests and answers: the port below the registration machine. At most one request is in
 * flight. No method throws; failures arrive as `lost`.
 */
export interface Conversation {
  /** @param payloadJson custom data for the allocation webhook, as JSON text */
  register(payloadJson: string | null): void;
  poll(operationId: string): void;
  /** No event follows. Safe to call at any time, also twice. */
  close(): void;
}

/** Begins to connect and returns before the first event. */
export type OpenConversation = (
  identity: ConversationIdentity,
  onEvent: (event: ConversationEvent) => void,
) => Conversation;
