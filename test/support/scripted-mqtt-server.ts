import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { createServer, type SecureVersion, type TLSSocket } from 'node:tls';
import mqttPacket, { type Packet } from 'mqtt-packet';
import type { TestCertificate } from './test-certificates.ts';

/** The server's end of one connection. */
export type Peer = {
  /** When the client's TCP connection was accepted, by the monotonic clock; `null` = not known. */
  readonly tcpAtNs: bigint | null;
  send(packet: Packet): void;
  sendBytes(bytes: Uint8Array): void;
  /** Closes in order. */
  end(): void;
  /** Breaks the connection off, with a TCP reset. */
  reset(): void;
};

/** Called once per connection, when TLS is established; what it returns is called per packet. */
export type Script = (peer: Peer) => (packet: Packet) => void;

export type ScriptedMqttServer = {
  readonly port: number;
  /** Bytes of all connections, decrypted. */
  bytesReceived(): number;
  packetsReceived(): readonly Packet[];
  /** Resolves when every connection made so far has closed. */
  quiet(): Promise<void>;
  close(): Promise<void>;
};

export type ScriptedMqttServerOptions = {
  readonly certificate: TestCertificate;
  readonly script: Script;
  /** Default: any that is free. */
  readonly port?: number;
  /** Keep packets for `packetsReceived`; default: yes. A benchmark would fill its memory. */
  readonly record?: boolean;
  /** Keep this end open when the client has closed its own; default: no. */
  readonly allowHalfOpen?: boolean;
  /** Ask for a client certificate, as the service does, and take any or none; default: no. */
  readonly requestCert?: boolean;
  /** Default: TLS 1.3. */
  readonly maxVersion?: SecureVersion;
  /**
   * From each TCP connection to the beginning of its handshake; default: 0. Node.js accepts one connection in each turn of the event loop: when many
   * come at once, those that came last are noticed late, unless handshakes wait.
   */
  readonly handshakeDelayMs?: number;
};

/** An MQTT server over TLS on 127.0.0.1 that does what its script says, right or wrong. */
export async function startScriptedMqttServer(options: ScriptedMqttServerOptions): Promise<ScriptedMqttServer> {
  const { certificate, script, port = 0, record = true, allowHalfOpen = false, maxVersion = 'TLSv1.3' } = options;
  const { requestCert = false, handshakeDelayMs = 0 } = options;
  const connections = new Map<number, { readonly socket: Socket; readonly tcpAtNs: bigint }>();
  const packets: Packet[] = [];
  let bytes = 0;
  const { certPem: cert, keyPem: key } = certificate;
  const server = createServer({
    cert,
    key,
    maxVersion,
    allowHalfOpen,
    noDelay: true,
    requestCert,
    rejectUnauthorized: false,
  });
  server.on('tlsClientError', () => {});
  // Handshakes by the TLS server, which does not listen itself.
  const listener = createTcpServer({ allowHalfOpen, noDelay: true, pauseOnConnect: true }, (socket) => {
    const clientPort = socket.remotePort ?? 0;
    connections.set(clientPort, { socket, tcpAtNs: process.hrtime.bigint() });
    socket.on('close', () => connections.delete(clientPort));
    socket.on('error', () => {});
    const shakeHands = (): boolean => server.emit('connection', socket);
    if (handshakeDelayMs === 0) shakeHands();
    else setTimeout(shakeHands, handshakeDelayMs);
  });
  server.on('secureConnection', (socket) => {
    const connection = connections.get(socket.remotePort ?? 0);
    const peer = peerOf(socket, connection?.tcpAtNs ?? null, () => connection?.socket.resetAndDestroy());
    serve(socket, script(peer), (received, packet) => {
      bytes += received;
      if (record && packet !== null) packets.push(packet);
    });
  });
  await once(listener.listen(port, '127.0.0.1'), 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    bytesReceived: () => bytes,
    packetsReceived: () => packets,
    async quiet() {
      await Promise.all([...connections.values()].map(({ socket }) => socket.closed || once(socket, 'close')));
    },
    async close() {
      for (const { socket } of connections.values()) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

function serve(
  socket: TLSSocket,
  onPacket: (packet: Packet) => void,
  count: (bytes: number, packet: Packet | null) => void,
): void {
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (packet: Packet) => {
    count(0, packet);
    onPacket(packet);
  });
  socket.on('data', (chunk: Buffer) => {
    count(chunk.length, null);
    parser.parse(chunk);
  });
  socket.on('error', () => {});
}

function peerOf(socket: TLSSocket, tcpAtNs: bigint | null, reset: () => void): Peer {
  const sendBytes = (bytes: Uint8Array): void => {
    // An empty write makes Node.js read: the next packet would come while the parser is still at this one.
    if (socket.writable && bytes.length > 0) socket.write(bytes);
  };
  return {
    tcpAtNs,
    send: (packet) => sendBytes(mqttPacket.generate(packet)),
    sendBytes,
    end: () => socket.end(),
    reset,
  };
}
