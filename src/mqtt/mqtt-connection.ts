import type { ClientCertificate } from './client-certificate.ts';

/** Why a connection could not be had or was lost; the registration machine decides from it whether another try makes sense. */
export const CONNECTION_FAILURE_CODES = [
  'dns', // the host name has no address
  'tcp-refused',
  'tcp-timeout',
  'tcp-reset',
  'tcp-failed', // any other failure below TLS: unreachable network, no local port, no file descriptor
  'tls-host-name', // the certificate is for another name
  'tls-unknown-ca', // the chain ends in no trusted root
  'tls-expired', // outside its validity, or the local clock is wrong
  'client-certificate', // the device's own: not readable, or not with this key
  'tls-failed', // any other failure of the handshake
  'websocket-refused', // the upgrade, by the service or a proxy on the way
  'connack-1',
  'connack-2',
  'connack-3',
  'connack-4',
  'connack-5',
  'suback-refused',
  'closed', // by the other side once TLS was established, or it has fallen silent
  'protocol-error', // bytes that are no MQTT
] as const;

export type ConnectionFailureCode = (typeof CONNECTION_FAILURE_CODES)[number];

export type ConnectionFailure = {
  readonly code: ConnectionFailureCode;
  /** For people; never holds a secret. */
  readonly message: string;
};

/** In this order, each at most once, but `message`; `lost` can come at any time, and is the last. */
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
  /** Shown in the TLS handshake; `null` with symmetric keys. */
  readonly clientCertificate: ClientCertificate | null;
};

/** The port through which registrations reach the service. No method throws; what fails arrives as `lost`. */
export interface MqttConnection {
  subscribe(topicFilter: string): void;
  publish(topic: string, payload: string): void;
  /** DISCONNECT, then close. No event follows. Safe to call at any time, also twice. */
  close(): void;
}

/** Begins to connect; `onEvent` is never called before this has returned. */
export type OpenMqttConnection = (identity: MqttIdentity, onEvent: (event: MqttEvent) => void) => MqttConnection;
