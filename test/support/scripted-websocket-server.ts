import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Script } from './scripted-mqtt-server.ts';
import type { TestCertificate } from './test-certificates.ts';

export type ScriptedWebSocketServer = {
  readonly port: number;
  /** Path, subprotocol and host of each upgrade that was asked for. */
  readonly upgrades: readonly { readonly path: string; readonly subprotocol: string; readonly host: string }[];
  readonly packets: readonly Packet[];
  /** Subjects of the client certificates that were shown. */
  readonly clients: readonly string[];
  /** TCP connections that are open now. */
  openSockets(): Promise<number>;
  close(): Promise<void>;
};

/** @param answer of every HTTP request, upgrade or not; `null` = the upgrade is accepted. */
export async function startScriptedWebSocketServer(
  { certPem, keyPem }: TestCertificate,
  script: Script,
  answer: ((response: ServerResponse) => void) | null = null,
): Promise<ScriptedWebSocketServer> {
  const upgrades: { path: string; subprotocol: string; host: string }[] = [];
  const packets: Packet[] = [];
  const clients: string[] = [];
  const note = ({ url = '', headers }: IncomingMessage): void => {
    upgrades.push({ path: url, subprotocol: headers['sec-websocket-protocol'] ?? '', host: headers.host ?? '' });
  };
  const tls = { cert: certPem, key: keyPem, requestCert: true, rejectUnauthorized: false };
  const server = createServer(tls, (request, response) => {
    note(request);
    answer?.(response);
  });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    const subject = socket.getPeerX509Certificate()?.subject;
    if (subject !== undefined) clients.push(subject);
  });
  const sockets = answer === null ? new WebSocketServer({ server }) : null;
  sockets?.on('connection', (webSocket, request) => {
    note(request);
    const stream = createWebSocketStream(webSocket);
    const sendBytes = (bytes: Uint8Array): void => {
      if (stream.writable) stream.write(bytes);
    };
    const onPacket = script({
      tcpAtNs: null,
      send: (packet) => sendBytes(mqttPacket.generate(packet)),
      sendBytes,
      end: () => stream.end(),
      reset: () => request.socket.destroy(),
    });
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on('packet', (packet: Packet) => {
      packets.push(packet);
      onPacket(packet);
    });
    stream.on('data', (chunk: Buffer) => parser.parse(chunk));
    stream.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    upgrades,
    packets,
    clients,
    openSockets: promisify(server.getConnections.bind(server)),
    async close() {
      for (const client of sockets?.clients ?? []) client.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
