import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { commonName, presentedCertificates } from '../../certificates/certificate-chain.ts';
import type { Handshake } from '../conversation/conversation.ts';
import { keptName, keptNote } from '../conversation/kept-steps.ts';
import type { Accepted } from './session-role.ts';

/** @param stream what carries MQTT: the connection itself, or a WebSocket over it */
export function acceptedConnection(stream: Duplex, socket: TLSSocket): Accepted {
  // Node tells the whole chain only once.
  let chain: readonly X509Certificate[] | null = null;
  const certificates = (): readonly X509Certificate[] => {
    chain ??= presentedCertificates(socket);
    return chain;
  };
  return {
    stream,
    certificates,
    sourceAddress: () => socket.remoteAddress ?? null,
    serverName: () => socket.servername || null,
    handshake: () => handshakeOf(stream, socket, certificates()),
  };
}

/** What a TLS connection agreed on. */
function handshakeOf(stream: Duplex, socket: TLSSocket, certificates: readonly X509Certificate[]): Handshake {
  return {
    transport: stream === socket ? 'mqtt' : 'websocket',
    tlsVersion: socket.getProtocol(),
    cipherSuite: socket.getCipher()?.name ?? null,
    serverName: socket.servername || null,
    sourceAddress: socket.remoteAddress ?? null,
    certificates: certificates.map((certificate) => ({
      subject: keptNote(certificate.subject),
      issuer: keptNote(certificate.issuer),
      commonName: keptName(commonName(certificate)),
      notAfter: certificate.validTo,
    })),
  };
}
