import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates of a PEM text as they stand there, in order, without anything around them. */
export function certificateTexts(pem: string): readonly string[] {
  return pem.match(CERTIFICATE) ?? [];
}

/** The certificates of a PEM text, in order. @throws Error when one of them cannot be parsed. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  return certificateTexts(pem).map((each) => new X509Certificate(each));
}

/** The first certificate of a PEM text; `null` when it cannot be parsed. */
export function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** The certificates between the leaf and the root, PEM: whoever trusts a root already has it, so it is not sent (RFC 5246, 7.4.2). */
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

/** Longest chain that is read; real ones have two to four certificates. */
const CHAIN_CERTIFICATES_MAX = 10;

/** The certificates that the peer presented in the handshake, its own first; empty = none. */
export function presentedCertificates(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < CHAIN_CERTIFICATES_MAX) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
