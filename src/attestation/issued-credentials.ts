import { issueCertificate, type KeyedCertificate, openIssuer } from '../certificates/certificate.ts';
import type { Clock } from '../time/clock.ts';
import { certificateCredentials, type MakeCredentials } from './made-credentials.ts';

const DAY_MS = 86_400_000;

/** The certificate is for one registration, whose key is kept nowhere: a day outlasts every deadline. */
const VALID_MS = DAY_MS;

/** The clock of the service may be behind. */
const BACKDATED_MS = DAY_MS;

/**
 * Makes a new key and certificate for each device. A registration then takes about four times the CPU that it takes with a
 * symmetric key; with certificates that are there already, less than three times.
 */
export function issuedCredentials(issuer: KeyedCertificate, intermediatesPem: string, clock: Clock): MakeCredentials {
  const opened = openIssuer(issuer);
  return async ({ registrationId }) => {
    const nowMs = clock.epochMs();
    const validity = { notBeforeMs: nowMs - BACKDATED_MS, notAfterMs: nowMs + VALID_MS };
    const request = { kind: 'device', commonName: registrationId, ...validity } as const;
    const { certificatePem, privateKeyPem } = await issueCertificate(request, await opened);
    return { credentials: certificateCredentials({ chainPem: certificatePem + intermediatesPem, privateKeyPem }) };
  };
}
