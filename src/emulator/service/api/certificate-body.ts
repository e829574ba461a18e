import { X509Certificate } from 'node:crypto';
import type { X509CertificateBody, X509CertificateInfo } from '../../../dps/service-api.ts';

const PEM = '-----BEGIN CERTIFICATE-----';

/** The certificate in PEM, base64 of DER, or base64 of PEM, all of which clients send; `null` = it is none of them. */
export function certificateIn(text: string): X509Certificate | null {
  try {
    if (text.includes(PEM)) return new X509Certificate(text);
    const decoded = Buffer.from(text, 'base64');
    return new X509Certificate(decoded.includes(PEM) ? decoded.toString('latin1') : decoded);
  } catch {
    return null;
  }
}

export function certificateBody(certificate: X509Certificate, withCertificate: boolean): X509CertificateBody {
  const info = certificateInfo(certificate);
  return withCertificate ? { certificate: certificate.raw.toString('base64'), info } : { info };
}

function certificateInfo(certificate: X509Certificate): X509CertificateInfo {
  return {
    subjectName: nameOf(certificate.subject),
    sha1Thumbprint: thumbprint(certificate.fingerprint),
    sha256Thumbprint: thumbprint(certificate.fingerprint256),
    issuerName: nameOf(certificate.issuer),
    notBeforeUtc: new Date(certificate.validFrom).toISOString(),
    notAfterUtc: new Date(certificate.validTo).toISOString(),
    serialNumber: certificate.serialNumber,
    version: 3,
  };
}

/** Without the colons. */
export function thumbprint(fingerprint: string): string {
  return fingerprint.replaceAll(':', '');
}

/** `CN=Line A, O=Example`. A certificate may be without a name. */
function nameOf(distinguishedName: string | undefined): string {
  return (distinguishedName ?? '').split('\n').join(', ');
}
