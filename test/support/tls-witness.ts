import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { TestCertificate } from './test-certificates.ts';

/** What a server sees of one client in the handshake. */
export type Handshake = {
  /** Subjects of what the client presented, its own certificate first. */
  readonly subjects: readonly string[];
  readonly protocol: string | null;
  readonly serverName: string | false | null;
  readonly remoteAddress: string | undefined;
};

export type TlsWitness = {
  readonly port: number;
  readonly handshakes: readonly Handshake[];
  close(): Promise<void>;
};

/** A TLS server on 127.0.0.1 that asks for a client certificate, notes what it sees, and closes in order. */
export async function startTlsWitness(
  { certPem, keyPem }: TestCertificate,
  options: TlsOptions = {},
): Promise<TlsWitness> {
  const handshakes: Handshake[] = [];
  const server = createServer({ cert: certPem, key: keyPem, requestCert: true, rejectUnauthorized: false, ...options });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket: TLSSocket & { servername?: string | false }) => {
    socket.on('error', () => {});
    handshakes.push({
      subjects: presentedSubjects(socket),
      protocol: socket.getProtocol(),
      serverName: socket.servername ?? null,
      remoteAddress: socket.remoteAddress,
    });
    socket.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    handshakes,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}

function presentedSubjects(socket: TLSSocket): readonly string[] {
  const subjects: string[] = [];
  for (let at = socket.getPeerX509Certificate(); at !== undefined; at = at.issuerCertificate) subjects.push(at.subject);
  return subjects;
}
