import type { X509Certificate } from 'node:crypto';

/** The subject's common name, or `null`. */
export function commonName(certificate: X509Certificate): string | null {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? null;
}
