import { X509Certificate } from 'node:crypto';
import { createCertificate, type KeyedCertificate } from '../../src/certificates/certificate.ts';
import {
  ENROLLMENT_DEFAULTS,
  type EnrollmentGroup,
  type X509Attestation,
} from '../../src/emulator/service/dps-instance.ts';

const DAY_MS = 86_400_000;

/** Valid around the tests' moment and around now. */
const VALID = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2070, 0, 1) };
export const EXPIRED = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2020, 0, 1) + DAY_MS };

export function authority(
  commonName: string,
  issuer: KeyedCertificate | null = null,
  validity = VALID,
): Promise<KeyedCertificate> {
  return createCertificate({ kind: 'authority', commonName, ...validity }, issuer);
}

export function deviceCertificate(
  commonName: string,
  issuer: KeyedCertificate | null,
  validity = VALID,
): Promise<KeyedCertificate> {
  return createCertificate({ kind: 'device', commonName, ...validity }, issuer);
}

export function parsed({ certificatePem }: KeyedCertificate): X509Certificate {
  return new X509Certificate(certificatePem);
}

export function x509Attestation(
  use: 'client' | 'signing',
  ...certificates: readonly KeyedCertificate[]
): X509Attestation {
  return { kind: 'x509', use, certificates: certificates.map(parsed) };
}

export function x509Group(
  enrollmentGroupId: string,
  signer: KeyedCertificate,
  settings: Partial<EnrollmentGroup> = {},
): EnrollmentGroup {
  return {
    ...ENROLLMENT_DEFAULTS,
    kind: 'group',
    enrollmentGroupId,
    attestation: x509Attestation('signing', signer),
    ...settings,
  };
}
