import type { X509Certificate } from 'node:crypto';

export function isCurrent(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
}

/** Whether `issuer` is a CA that signed `certificate`. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/**
 * The certificates from the device's own upwards, as far as the presented ones lead: each is signed by the next.
 * Ends before a certificate that is outside its validity.
 */
export function pathOf(presented: readonly X509Certificate[], nowMs: number): readonly X509Certificate[] {
  const [leaf, ...rest] = presented;
  if (leaf === undefined || !isCurrent(leaf, nowMs)) return [];
  const path = [leaf];
  const unused = new Set(rest);
  for (let last = leaf; ; ) {
    const issuer = [...unused].find((candidate) => isCurrent(candidate, nowMs) && isSignedBy(last, candidate));
    if (issuer === undefined) return path;
    unused.delete(issuer);
    path.push(issuer);
    last = issuer;
  }
}
