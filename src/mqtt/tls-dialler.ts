import { isIP } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import { clientCertificateFailure, socketFailure } from './connection-failures.ts';
import type { Dial, StreamEvents } from './dial.ts';
import { TLS_CHOICES_DEFAULT, type TlsChoices, type TlsEndpoint, tlsSockets } from './tls-sockets.ts';

/**
 * MQTT over TLS.
 *
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export function tlsDialler(endpoint: TlsEndpoint, choices: TlsChoices = TLS_CHOICES_DEFAULT): Dial {
  return dialler(endpoint, choices, tlsStream);
}

/** @param streamOver makes the stream over a socket that begins to connect; `where` names the target for people */
export function dialler(
  endpoint: TlsEndpoint,
  choices: TlsChoices,
  streamOver: (socket: TLSSocket, where: string, events: StreamEvents) => Duplex,
): Dial {
  const open = tlsSockets(endpoint, choices);
  const where = placeName(endpoint);
  return (events, clientCertificate) => {
    try {
      const socket = open(clientCertificate);
      if (endpoint.addresses === null) socket.once('lookup', (error) => error === null && events.resolved());
      return streamOver(socket, where, events);
    } catch (error) {
      const stream = new PassThrough();
      stream.on('close', () => events.ended(clientCertificateFailure(error as Error)));
      return stream.destroy();
    }
  };
}

/** `host:port`, with brackets around an IPv6 address. */
export function placeName({ host, port }: Pick<TlsEndpoint, 'host' | 'port'>): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function tlsStream(socket: TLSSocket, where: string, events: StreamEvents): Duplex {
  let ended = false;
  const end = (failure: ConnectionFailure | null): void => {
    if (!ended) events.ended(failure);
    ended = true;
  };
  socket.on('connect', () => events.tcpConnected());
  socket.on('secureConnect', () => events.secured());
  socket.on('error', (error) => end(socketFailure(error, where)));
  socket.on('close', () => end(null));
  return socket;
}
