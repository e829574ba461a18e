import type { X509Certificate } from 'node:crypto';
import { DAY_MS } from '../time/duration.ts';

/** Devices and services whose clocks are slow must still accept a new certificate. */
const BACKDATED_DAYS = 1;

/** `expired` and `not-yet-valid` are for testing what the service rejects. */
export const VALIDITY_KINDS = ['current', 'expired', 'not-yet-valid'] as const;

export type ValidityKind = (typeof VALIDITY_KINDS)[number];

/** Milliseconds since 1970. */
export type Validity = { readonly notBeforeMs: number; readonly notAfterMs: number };

/** Lasts `days` from now; the other kinds miss the present by a day, more than any clock is off. */
export function validityOf(kind: ValidityKind, days: number, nowMs: number): Validity {
  const lengthMs = days * DAY_MS;
  const dayBeforeMs = nowMs - BACKDATED_DAYS * DAY_MS;
  const dayAfterMs = nowMs + DAY_MS;
  if (kind === 'current') return { notBeforeMs: dayBeforeMs, notAfterMs: nowMs + lengthMs };
  if (kind === 'expired') return { notBeforeMs: dayBeforeMs - lengthMs, notAfterMs: dayBeforeMs };
  return { notBeforeMs: dayAfterMs, notAfterMs: dayAfterMs + lengthMs };
}

export function validityKind(certificate: X509Certificate, nowMs: number): ValidityKind {
  if (Date.parse(certificate.validTo) < nowMs) return 'expired';
  return Date.parse(certificate.validFrom) > nowMs ? 'not-yet-valid' : 'current';
}

/** Whether a certificate is of that kind now, and was issued for that many days. */
export function hasValidity(certificate: X509Certificate, kind: ValidityKind, days: number, nowMs: number): boolean {
  const { notBeforeMs, notAfterMs } = validityOf(kind, days, nowMs);
  const lengthMs = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
  return validityKind(certificate, nowMs) === kind && lengthMs === notAfterMs - notBeforeMs;
}
