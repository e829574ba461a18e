import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { createServer as createTlsServer, DEFAULT_CIPHERS, type TLSSocket, type TlsOptions } from 'node:tls';
import type { KeyedCertificate } from '../../certificates/certificate.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import type { Fault } from '../service/fault-rule.ts';

export type ListenAddress = {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** The option that chooses the port, for the remedy when it is taken. */
  readonly portFlag: '--port' | '--websocket-port' | '--hub-port' | '--http-port' | '--service-port';
};

export type TlsListenerOptions = ListenAddress & {
  /** With different kinds of keys: the client's suites choose. */
  readonly certificates: readonly KeyedCertificate[];
  /** Beside TLS 1.2. */
  readonly offersTls13: boolean;
  /** Longer handshakes are aborted. */
  readonly handshakeTimeoutMs: number;
  readonly onHandshakeFailed: (message: string) => void;
  /** Called when a device sends no server name (SNI). */
  readonly onNameless: () => void;
  /** The fault that strikes a newly accepted connection. */
  readonly nextFault: () => Fault | null;
};

export type Listener = {
  readonly port: number;
  /** Cuts open connections, and stops listening. */
  readonly close: () => Promise<void>;
};

/** TLS record with the fatal alert `handshake_failure`, RFC 5246 §7.2.2. */
const HANDSHAKE_FAILURE = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]);

/**
 * ECDSA first, otherwise in the order of Node: an RSA signature costs the server many times as much, so only clients without
 * ECDSA get one.
 */
const CIPHERS = [
  ...DEFAULT_CIPHERS.split(':').filter((suite) => suite.includes('-ECDSA-')),
  'ECDHE+aECDSA+HIGH',
  DEFAULT_CIPHERS,
].join(':');

/** What decides about the cost of a handshake. @param newest TLS 1.2 is the only version that the documentation of the service promises */
export function tlsSettings(
  certificates: readonly KeyedCertificate[],
  newest: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2',
): TlsOptions {
  return {
    cert: certificates.map(({ certificatePem }) => certificatePem),
    key: certificates.map(({ privateKeyPem }) => privateKeyPem),
    ciphers: CIPHERS,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    maxVersion: newest,
  };
}

/** Listens for TLS, requests a client certificate, and accepts every client: MQTT judges the certificates later. */
export async function listenTls(options: TlsListenerOptions, serve: (socket: TLSSocket) => void): Promise<Listener> {
  const { certificates, offersTls13, handshakeTimeoutMs: handshakeTimeout } = options;
  const settings = tlsSettings(certificates, offersTls13 ? 'TLSv1.3' : 'TLSv1.2');
  const tls = createTlsServer({ ...settings, handshakeTimeout });
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
  const port = await listen(tcp, options);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      tcp.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port, close };
}

/** Applies a fault to a connection before its handshake. Returns whether there is one. */
function isStruck(socket: Socket, fault: Fault | null): boolean {
  if (fault === null) return false;
  socket.on('error', () => {});
  if (fault.kind === 'refuse-tls') socket.end(HANDSHAKE_FAILURE, () => socket.destroy());
  else if (fault.kind === 'stall-tls') socket.resume();
  else socket.resetAndDestroy();
  return true;
}

/** Connections waiting to be accepted: enough for a fleet that reconnects all at once. The system has a limit too. */
const BACKLOG_MAX = 4096;

/** Starts listening, and returns the port. @throws OperatorError `usage` when the address is not available. */
export async function listen(server: Server, { host, port, portFlag }: ListenAddress): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) => {
      const hostFlag = portFlag === '--http-port' ? '--http-host' : '--host';
      const remedy = `Choose another ${portFlag} (0 = any free one) or ${hostFlag}`;
      reject(new OperatorError('usage', [problem(`cannot listen on ${host}:${port}: ${message}`, remedy)]));
    });
    server.listen({ host, port, backlog: BACKLOG_MAX }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Wildcards for every address of the machine. */
const EVERY_ADDRESS = new Set(['0.0.0.0', '::']);

export function isEveryAddress(host: string): boolean {
  return EVERY_ADDRESS.has(host);
}

/** Names and addresses at which devices reach a server that listens on `host`, for the server certificate. */
export function serverNames(host: string): readonly string[] {
  if (!isEveryAddress(host)) return [host];
  const addresses = Object.values(networkInterfaces()).flatMap((ones = []) => ones.map(({ address }) => address));
  return [hostname(), ...addresses];
}
