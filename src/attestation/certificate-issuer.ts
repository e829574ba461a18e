import { issueCertificate, type KeyedCertificate, openIssuer } from '../certificates/certificate.ts';
import { parseCertificate } from '../certificates/certificate-chain.ts';
import { isKeyOf } from '../certificates/certificate-pair.ts';
import type { ClientCertificate } from '../conversation/client-certificate.ts';
import { readTextFile } from '../files/read-text-file.ts';
import { OperatorError, type Problem, problemIn } from '../problem/operator-error.ts';
import type { Clock } from '../time/clock.ts';
import { DAY_MS } from '../time/duration.ts';

/*
 * Imported dynamically where possible: the certificate library loads slowly, and most runs do not need it.
 */

/** A CA that issues device certificates. */
export type CertificateIssuer = {
  readonly issuer: KeyedCertificate;
  /** PEM, sent after the device's own certificate. */
  readonly intermediatesPem: string;
};

/**
 * Reads a CA from PEM files: its certificate (with any chain above it) and its private key.
 *
 * @throws OperatorError `usage` when a file cannot be read, or the pair cannot sign certificates
 */
export async function loadIssuer(certificateFile: string, keyFile: string): Promise<KeyedCertificate> {
  const problems: Problem[] = [];
  const read = (file: string): Promise<string> =>
    readTextFile(file).catch((error: unknown) => {
      if (!(error instanceof OperatorError)) throw error;
      problems.push(...error.problems);
      return '';
    });
  const issuer = { certificatePem: await read(certificateFile), privateKeyPem: await read(keyFile) };
  const problem = problems.length > 0 ? null : await issuerProblem(issuer, certificateFile, keyFile);
  if (problem !== null) problems.push(problem);
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return issuer;
}

async function issuerProblem(
  issuer: KeyedCertificate,
  certificateFile: string,
  keyFile: string,
): Promise<Problem | null> {
  const certificate = parseCertificate(issuer.certificatePem);
  if (certificate === null) {
    return problemIn(certificateFile, 'contains no PEM certificate', 'Name the certificate of the CA');
  }
  if (!certificate.ca) {
    const remedy = 'Name a CA certificate, for example one created by dpsload certs create';
    return problemIn(certificateFile, 'is not a CA certificate, so it cannot sign others', remedy);
  }
  try {
    await openIssuer(issuer);
  } catch {
    const remedy = 'Name an unencrypted private key in PEM: P-256, P-384 or RSA';
    return problemIn(keyFile, 'is not a private key that can sign', remedy);
  }
  if (isKeyOf(certificate, issuer.privateKeyPem)) return null;
  return problemIn(keyFile, `is not the key of ${certificateFile}`, 'Name the key that belongs to the certificate');
}

/** A certificate serves one registration, and its key is not kept: a day outlasts every deadline. */
const VALID_MS = DAY_MS;

/** The clock of the service may be behind. */
const BACKDATED_MS = DAY_MS;

/**
 * Returns the function that makes a new key and certificate for a device. A registration then takes about four times the CPU of
 * one with a symmetric key; with existing certificate files it takes less than three times as much.
 */
export function deviceIssuer(
  { issuer, intermediatesPem }: CertificateIssuer,
  clock: Clock,
): (registrationId: string) => Promise<ClientCertificate> {
  const opened = openIssuer(issuer);
  return async (commonName) => {
    const nowMs = clock.epochMs();
    const validity = { notBeforeMs: nowMs - BACKDATED_MS, notAfterMs: nowMs + VALID_MS };
    const request = { kind: 'device', commonName, ...validity } as const;
    const { certificatePem, privateKeyPem } = await issueCertificate(request, await opened);
    return { chainPem: certificatePem + intermediatesPem, privateKeyPem };
  };
}
