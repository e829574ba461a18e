import type { Duplex } from 'node:stream';
import type { ClientCertificate } from '../conversation/client-certificate.ts';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';

/** What a dialler tells of its stream; never before `Dial` has returned. */
export type StreamEvents = {
  tcpConnected(): void;
  /** The peer is who it should be, and the stream carries MQTT from here on. Nothing may be written before. */
  secured(): void;
  /** Once, and last. `null`: the other side closed in order. */
  ended(failure: ConnectionFailure | null): void;
};

/**
 * Opens a byte stream to the service, showing `clientCertificate` in the TLS handshake (`null` = none). All errors of the stream arrive at `ended`; it needs no other listener. Destroying
 * the stream is allowed at any time.
 */
export type Dial = (events: StreamEvents, clientCertificate: ClientCertificate | null) => Duplex;

/** The service's largest message is 96 KiB; a peer that sends more without completing a packet would fill the memory. */
export const PACKET_BYTES_MAX = 256 * 1024;
