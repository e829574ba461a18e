import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import type { Fault } from '../service/fault-rule.ts';

export type TlsListenerOptions = {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** A handshake that takes longer is given up. */
  readonly handshakeTimeoutMs: number;
  readonly onHandshakeFailed: (message: string) => void;
  /** A device sent no server name (SNI). */
  readonly onNameless: () => void;
  /** The fault that strikes a connection that was just accepted. */
  readonly nextFault: () => Fault | null;
};

export type Listener = {
  readonly port: number;
  /** Cuts off what is still open, and stops listening. */
  readonly close: () => Promise<void>;
};

/** TLS record with the fatal alert `handshake_failure`, RFC 5246 §7.2.2. */
const HANDSHAKE_FAILURE = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]);

/** Connections that wait to be accepted: enough for a fleet that comes back all at once; the system has a limit too. */
const BACKLOG_MAX = 4096;

/** Listens for TLS, asks for a client certificate, and lets every client in: certificates are judged later, in MQTT. */
export async function listenTls(options: TlsListenerOptions, serve: (socket: TLSSocket) => void): Promise<Listener> {
  const tls = createTlsServer({
    cert: options.certificatePem,
    key: options.privateKeyPem,
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeTimeoutMs,
    // The only version that the service's documentation promises.
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
  });
  tls.on('secureConnection', (socket) => {
    if (!socket.servername) options.onNameless();
    serve(socket);
  });
  tls.on('tlsClientError', (error, socket) => {
    options.onHandshakeFailed(error.message);
    socket.destroy();
  });
  const sockets = new Set<Socket>();
  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (!isStruck(socket, options.nextFault())) tls.emit('connection', socket);
  });
  await listen(tcp, options.host, options.port);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      tcp.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: (tcp.address() as AddressInfo).port, close };
}

/** Applies a fault to a connection before its handshake; `false` = the handshake may begin. */
function isStruck(socket: Socket, fault: Fault | null): boolean {
  if (fault === null) return false;
  socket.on('error', () => {});
  if (fault.kind === 'refuse-tls') socket.end(HANDSHAKE_FAILURE, () => socket.destroy());
  else if (fault.kind === 'stall-tls') socket.resume();
  else socket.resetAndDestroy();
  return true;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const remedy = 'Choose another --port (0 = any free one) or --host';
      reject(new OperatorError('usage', [problem(`cannot listen on ${host}:${port}: ${error.message}`, remedy)]));
    });
    server.listen({ host, port, backlog: BACKLOG_MAX }, resolve);
  });
}
