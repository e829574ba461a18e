import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Timer } from '../../time/clock.ts';
import { keptText } from '../service/kept-text.ts';
import type { SessionContext } from './mqtt-session.ts';

/** RFC 6455 subprotocol of MQTT; the C SDK writes it in upper case. */
const SUBPROTOCOL = 'mqtt';

/**
 * Turns TLS connections into WebSocket streams. Accepts any path, and the subprotocol in any case, which it echoes as the
 * device wrote it. Refuses other handshakes, and handshakes that take too long.
 */
export function websocketServer(
  { limits, clock, log }: Pick<SessionContext, 'limits' | 'clock' | 'log'>,
  serve: (stream: Duplex, socket: TLSSocket) => void,
): (socket: TLSSocket) => void {
  const websockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.packetBytesMax,
    handleProtocols: (offered) => subprotocolOf([...offered]) ?? false,
  });
  /** Timeouts of connections that are not WebSockets yet, including refused ones that the device does not close. */
  const waiting = new WeakMap<Duplex, Timer>();
  const refuse = (socket: Duplex, reason: string): void => {
    log(`WebSocket refused: ${reason}`);
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  };
  const http = createServer((request, response) => {
    log(`WebSocket refused: ${request.method} without Upgrade: websocket`);
    response.writeHead(404, { connection: 'close' }).end();
  });
  http.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    if (code.startsWith('HPE_')) refuse(socket, `not HTTP (${code})`);
    else socket.destroy();
  });
  websockets.on('wsClientError', (error, socket) => refuse(socket, error.message));
  http.on('upgrade', (request, socket: TLSSocket, head) => {
    if (subprotocolOf(offeredBy(request)) === null) {
      const offered = keptText(request.headers['sec-websocket-protocol'] ?? '');
      refuse(socket, `it offers ${offered === '' ? 'no subprotocol' : JSON.stringify(offered)}, not ${SUBPROTOCOL}`);
      return;
    }
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      waiting.get(socket)?.cancel();
      serve(createWebSocketStream(websocket), socket);
    });
  });
  return (socket) => {
    const timer = clock.wakeAt(clock.nowMs() + limits.connectTimeoutMs, () => {
      log('WebSocket refused: no handshake in time');
      socket.destroy();
    });
    waiting.set(socket, timer);
    socket.once('close', () => timer.cancel());
    http.emit('connection', socket);
  };
}

function offeredBy({ headers }: IncomingMessage): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}

function subprotocolOf(offered: readonly string[]): string | null {
  return offered.find((protocol) => protocol.toLowerCase() === SUBPROTOCOL) ?? null;
}
