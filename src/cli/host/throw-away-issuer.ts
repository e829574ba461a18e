import type { AttestationKeys } from '../../attestation/attestation-keys.ts';
import { createCertificate } from '../../certificates/certificate.ts';
import { validityOf } from '../../certificates/validity.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';

/** Longer than any run. */
const VALID_DAYS = 32;

/** A CA that lives as long as the run, and is known to the embedded emulator alone. */
export async function throwAwayIssuer(): Promise<AttestationKeys> {
  const validity = validityOf('current', VALID_DAYS, systemClock(hrtimeMs()).epochMs());
  const issuer = await createCertificate({ kind: 'authority', commonName: 'dpsload throw-away CA', ...validity }, null);
  return { kind: 'x509-issuer', issuer, intermediatesPem: '' };
}
