import type { Duplex } from 'node:stream';
import type { ClientCertificate } from '../conversation/client-certificate.ts';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import type { Clock } from '../time/clock.ts';

/** The load balancer in front of the service cuts connections that are idle for about 240 s; the service's Node SDK uses 180, too. */
export const KEEP_ALIVE_SECONDS = 180;

/** Time for the server to close after DISCONNECT, before the socket is destroyed. */
const CLOSE_GRACE_MS = 2_000;

/** In this order, each at most once except `message`; `resolved` comes only where the name service was asked. `lost` can come at any time and is the last. */
export type MqttEvent =
  | { readonly type: 'resolved' }
  | { readonly type: 'tcpConnected' }
  | { readonly type: 'secured'; readonly tlsVersion?: string | null }
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
  /** @param onAcknowledged called at the PUBACK of this message; a later message with this parameter takes it away */
  publish(topic: string, payload: string, onAcknowledged?: () => void): void;
  /** Sends DISCONNECT, then closes. No event follows. Safe to call at any time, also twice. */
  close(): void;
}

/** Begins to connect and returns before the first event. */
export type OpenMqttConnection = (identity: MqttIdentity, onEvent: (event: MqttEvent) => void) => MqttConnection;

/** Call before DISCONNECT is sent: destroys the stream if the server does not close it in time. */
export function destroyUnlessClosed(stream: Duplex, clock: Clock): void {
  const timer = clock.wakeAt(clock.nowMs() + CLOSE_GRACE_MS, () => stream.destroy());
  stream.once('close', () => timer.cancel());
}
