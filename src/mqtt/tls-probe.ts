import type { X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { presentedCertificates } from '../certificates/certificate-chain.ts';
import type { ConnectionFailure } from '../conversation/connection-failure.ts';
import type { Clock } from '../time/clock.ts';
import { socketFailure } from './connection-failures.ts';
import { lookupIn } from './host-addresses.ts';
import { placeName } from './tls-dialler.ts';
import { serverNameIndication, type TlsChoices, type TlsEndpoint, tlsSockets } from './tls-sockets.ts';

/** What one TLS connection reveals about the target. */
export type TlsProbe = {
  /** `null` = no connection. */
  readonly tcpMs: number | null;
  readonly tlsMs: number | null;
  /** For example `TLSv1.2`. */
  readonly protocol: string | null;
  readonly address: string | null;
  /** The certificates that the server sent, its own first; a trusted chain is complete up to its root. */
  readonly chain: readonly X509Certificate[];
  readonly failure: ConnectionFailure | null;
};

/** Limit for TCP and TLS together. */
const TIMEOUT_MS = 15_000;

/** Connects with all the checks of a run, then closes. If a check fails, it reads the certificates without checks. */
export async function probeTls(endpoint: TlsEndpoint, choices: TlsChoices, clock: Clock): Promise<TlsProbe> {
  const probe = await handshake(tlsSockets(endpoint, choices)(null), placeName(endpoint), clock);
  if (!probe.failure?.code.startsWith('tls-')) return probe;
  const { host, port, addresses } = endpoint;
  const unchecked = await handshake(
    connect({
      host,
      port,
      ...(addresses === null ? {} : { lookup: lookupIn(addresses) }),
      servername: serverNameIndication(choices.serverName ?? host),
      rejectUnauthorized: false,
    }),
    placeName(endpoint),
    clock,
  );
  return { ...probe, chain: unchecked.chain };
}

function handshake(socket: TLSSocket, where: string, clock: Clock): Promise<TlsProbe> {
  return new Promise((resolve) => {
    keepPeerCertificate(socket);
    const startedAtMs = clock.nowMs();
    let tcpAtMs: number | null = null;
    const finish = (failure: ConnectionFailure | null): void => {
      timer.cancel();
      resolve({
        tcpMs: tcpAtMs === null ? null : tcpAtMs - startedAtMs,
        tlsMs: tcpAtMs === null || failure !== null ? null : clock.nowMs() - tcpAtMs,
        protocol: failure === null ? socket.getProtocol() : null,
        address: socket.remoteAddress ?? null,
        chain: failure === null ? presentedCertificates(socket) : [],
        failure,
      });
      socket.destroy();
    };
    socket.on('connect', () => {
      tcpAtMs = clock.nowMs();
    });
    socket.on('secureConnect', () => finish(null));
    socket.on('error', (error) => finish(socketFailure(error, where)));
    const timer = clock.wakeAt(startedAtMs + TIMEOUT_MS, () => {
      const code = tcpAtMs === null ? 'tcp-timeout' : 'tls-failed';
      finish({ code, message: `${where}: no TLS connection within ${TIMEOUT_MS / 1_000} s` });
    });
  });
}

/** Node removes the certificate from a client socket's chain when it is read, so a second call would return the next one, or none. */
function keepPeerCertificate(socket: TLSSocket): void {
  const read = socket.getPeerX509Certificate.bind(socket);
  let certificate: X509Certificate | undefined;
  socket.getPeerX509Certificate = () => {
    certificate ??= read();
    return certificate;
  };
}
