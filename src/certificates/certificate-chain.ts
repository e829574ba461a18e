import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in its order. @throws Error when one of them cannot be parsed. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  return (pem.match(CERTIFICATE) ?? []).map((each) => new X509Certificate(each));
}

/** The first certificate of a PEM text; `null` when it cannot be parsed. */
export function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** Those that stand between a leaf and a root, PEM: a root is known to whoever trusts it, and not sent (RFC 5246, 7.4.2). */
export function intermediatesIn(pem: string): string {
  return certificatesIn(pem)
    .filter((certificate) => !certificate.checkIssued(certificate))
    .map(String)
    .join('');
}

/** The subject's common name, or `null`. */
export function commonName(certificate: X509Certificate): string | null {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? null;
}

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
