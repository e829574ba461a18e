import type { ClientCertificate } from '../conversation/client-certificate.ts';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';

/** In this order, each at most once except `message`; `lost` can come at any time and is the last. */
export type MqttEvent =
  | { readonly type: 'tcpConnected' }
  | { readonly type: 'secured' }
  | { readonly type: 'connected' }
  | { readonly type: 'subscribed' }
  | { readonly type: 'message'; readonly topic: string; readonly payload: string }
  | { readonly type: 'lost'; readonly failure: ConnectionFailure };

export type MqttIdentity = {
  readonly clientId: string;
  readonly username: string;
  /** `null` with X.509: no password is sent. */
  readonly password: string | null;
  /** Presented in the TLS handshake; `null` with symmetric keys. */
  readonly clientCertificate: ClientCertificate | null;
};

/** The port below the MQTT conversation. No method throws; failures arrive as `lost`. */
export interface MqttConnection {
  subscribe(topicFilter: string): void;
  publish(topic: string, payload: string): void;
  /** Sends DISCONNECT, then closes. No event follows. Safe to call at any time, also twice. */
  close(): void;
}

/** Begins to connect and returns before the first event. */
export type OpenMqttConnection = (identity: MqttIdentity, onEvent: (event: MqttEvent) => void) => MqttConnection;
