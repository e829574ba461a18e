import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in its order. @throws Error when one of them cannot be parsed. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  return (pem.match(CERTIFICATE) ?? []).map((each) => new X509Certificate(each));
}

/** Those that stand between a leaf and a root, PEM: a root is known to whoever trusts it, and not sent (RFC 5246, 7.4.2). */
export function intermediatesIn(pem: string): string {
  return certificatesIn(pem)
    .filter((certificate) => !certificate.checkIssued(certificate))
    .map(String)
    .join('');
}
