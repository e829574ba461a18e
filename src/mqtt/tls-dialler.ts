import { isIP } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import { clientCertificateFailure, socketFailure } from './connection-failures.ts';
import type { Dial, StreamEvents } from './dial.ts';
import { TLS_CHOICES_DEFAULT, type TlsChoices, type TlsEndpoint, tlsSockets } from './tls-sockets.ts';

/**
 * Dials one endpoint.
 *
 * @param sharedContext as `tlsSockets` has it
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export type DiallerOf = (endpoint: TlsEndpoint, choices?: TlsChoices, sharedContext?: SecureContext) => Dial;

/** MQTT over TLS. */
export const tlsDialler: DiallerOf = diallerOver(tlsStream);

/** Begins to connect. @param received as `OpenTlsSocket` has it */
export type BeginTls = (received?: (bytes: Buffer) => void) => TLSSocket;

/** @param streamOver makes the stream over a socket; `where` names the target for people */
export function diallerOver(streamOver: (begin: BeginTls, where: string, events: StreamEvents) => Duplex): DiallerOf {
  return (endpoint, choices = TLS_CHOICES_DEFAULT, sharedContext) => {
    const open = tlsSockets(endpoint, choices, sharedContext);
    const where = placeName(endpoint);
    return (events, clientCertificate) => {
      const begin: BeginTls = (received) => {
        const socket = open(clientCertificate, received);
        if (endpoint.addresses === null) socket.once('lookup', (error) => error === null && events.resolved());
        return socket;
      };
      try {
        return streamOver(begin, where, events);
      } catch (error) {
        const stream = new PassThrough();
        stream.on('close', () => events.ended(clientCertificateFailure(error as Error)));
        return stream.destroy();
      }
    };
  };
}

/** `host:port`, with brackets around an IPv6 address. */
export function placeName({ host, port }: Pick<TlsEndpoint, 'host' | 'port'>): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function tlsStream(begin: BeginTls, where: string, events: StreamEvents): Duplex {
  const socket = begin(events.received);
  let ended = false;
  const end = (failure: ConnectionFailure | null): void => {
    if (!ended) events.ended(failure);
    ended = true;
  };
  socket.on('connect', () => events.tcpConnected());
  socket.on('secureConnect', () => events.secured(socket.getProtocol()));
  socket.on('error', (error) => end(socketFailure(error, where)));
  socket.on('close', () => end(null));
  return socket;
}
