import type { Duplex } from 'node:stream';
import type { ClientCertificate } from '../conversation/client-certificate.ts';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';

/** Events of a dialled stream; none comes before `Dial` has returned. */
export type StreamEvents = {
  /** The name service gave the host's addresses. Does not come where they were known before. */
  resolved(): void;
  tcpConnected(): void;
  /** The server is authenticated, and the stream carries MQTT from now on. Nothing may be written before. `tlsVersion` as in `TLSv1.3`. */
  secured(tlsVersion: string | null): void;
  /**
   * Decrypted bytes, for as long as the call lasts: the next ones overwrite them. If it is given, none come as `data` of the stream. Node would
   * allocate 64 KiB for each read otherwise.
   */
  readonly received?: (bytes: Buffer) => void;
  /** Once, as the last event. `null`: the server closed the connection properly. */
  ended(failure: ConnectionFailure | null): void;
};

/**
 * Opens a byte stream to the service, presenting `clientCertificate` in the TLS handshake (`null` = none). Every error of the stream arrives
 * at `ended`; no other listener is needed. The stream may be destroyed at any time.
 */
export type Dial = (events: StreamEvents, clientCertificate: ClientCertificate | null) => Duplex;

/** The service's largest message is 96 KiB; without a limit, a server that never completes a packet would fill the memory. */
export const PACKET_BYTES_MAX = 256 * 1024;
