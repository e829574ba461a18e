import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocket } from 'ws';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import { socketFailure, webSocketFailure } from './connection-failures.ts';
import { PACKET_BYTES_MAX, type StreamEvents } from './dial.ts';
import { type BeginTls, type DiallerOf, diallerOver } from './tls-dialler.ts';

/** As requested by the service's SDKs for Node and Python. */
const PATH = '/$iothub/websocket';
const SUBPROTOCOL = 'mqtt';

/**
 * MQTT over WebSocket over TLS, for networks that only let HTTPS through. TLS and all its checks are those of `tlsDialler`; the stream is
 * secured once the upgrade is accepted.
 */
export const webSocketDialler: DiallerOf = diallerOver(webSocketStream);

function webSocketStream(begin: BeginTls, where: string, events: StreamEvents): Duplex {
  const socket = begin();
  const webSocket = new WebSocket(`wss://${where}${PATH}`, SUBPROTOCOL, {
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: PACKET_BYTES_MAX,
  });
  const stream = createWebSocketStream(webSocket);
  if (events.received !== undefined) stream.on('data', events.received);
  let ended = false;
  const end = (failure: ConnectionFailure | null): void => {
    if (!ended) events.ended(failure);
    ended = true;
    stream.destroy();
  };
  socket.on('connect', () => events.tcpConnected());
  socket.on('error', (error) => end(socketFailure(error, where)));
  let upgraded = false;
  webSocket.on('open', () => {
    upgraded = true;
    events.secured(socket.getProtocol());
  });
  webSocket.on('unexpected-response', (_request, { statusCode, statusMessage }) => {
    end(webSocketFailure(`the server answered the upgrade with HTTP ${statusCode} ${statusMessage}`, where));
  });
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `ws` gives a code to every fault in the server's frames; an error without one comes from writing after a close.
    const isClosed = upgraded && error.code === undefined;
    end(isClosed ? null : webSocketFailure(error.message, where));
  });
  // `end` comes after the last byte; `close` alone would wait until this side ends, too.
  stream.on('end', () => end(null));
  stream.on('close', () => end(null));
  return stream;
}
