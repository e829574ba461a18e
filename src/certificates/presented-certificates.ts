import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** Longest chain that is looked at; real ones have two to four certificates. */
const CHAIN_CERTIFICATES_MAX = 10;

/** What the other side presented in the handshake, its own certificate first, in its order; empty = nothing. */
export function presentedCertificates(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < CHAIN_CERTIFICATES_MAX) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
