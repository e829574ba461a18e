import { X509Certificate } from 'node:crypto';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { type CredentialRow, fileCredentials } from '../attestation/make-credentials.ts';
import { certificatesIn } from '../certificates/certificate-chain.ts';
import { isKeyOf } from '../certificates/certificate-pair.ts';
import { authorityProblem, chainProblem } from '../certificates/enrollment-chain.ts';
import { validityKind } from '../certificates/validity.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import { type FleetRow, parseFleetRow } from '../fleet/fleet-row.ts';
import { readFleetRecords } from '../fleet/read-fleet-records.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import { PROBLEMS_LISTED_MAX } from '../problem/operator-error.ts';
import { formatCount, formatNoun } from '../report/format.ts';
import { remedyFor } from '../report/remedies.ts';
import { type Finding, finding, ok, unknown } from './finding.ts';

/** The rows whose certificates are checked. */
export type CheckedRows = {
  readonly fleet: FleetFile;
  readonly survey: Pick<FleetSurvey, 'bytes' | 'rejectedLines'>;
  /** Called for every usable row, in order. */
  readonly takes: (row: FleetRow) => boolean;
};

/** What certificates are held against. */
export type CertificateRules = {
  readonly nowMs: number;
  /** CAs of the enrollment groups; `null` = not given. */
  readonly enrollmentCas: readonly X509Certificate[] | null;
};

const SUBJECT = 'certificates';
const CHAIN_UNKNOWN = unknown(
  SUBJECT,
  'the chain to the CA of the enrollment was not checked: give that CA with --enrollment-ca',
);

/**
 * Reads the certificate and key of every selected row, and reports those that cannot register: the first `PROBLEMS_LISTED_MAX`, with
 * file and line. Of a CA that issues certificates during the run, the CA itself is checked.
 */
export async function certificateFindings(
  rows: CheckedRows,
  keys: AttestationKeys,
  rules: CertificateRules,
): Promise<readonly Finding[]> {
  const chain = rules.enrollmentCas === null ? [CHAIN_UNKNOWN] : [];
  if (keys.kind === 'x509-issuer') {
    const pem = keys.issuer.certificatePem + keys.intermediatesPem;
    const [found = ok(SUBJECT, 'the CA that signs them is usable')] = issuerFindings(pem, rules);
    return [found, ...chain];
  }
  if (keys.kind !== 'x509-files') return [];
  const findings: Finding[] = [];
  let checked = 0;
  let unusable = 0;
  for await (const { line, row } of takenRows(rows)) {
    checked += 1;
    const found = await certificateFinding(row, keys.files, rules);
    if (found === null) continue;
    unusable += 1;
    if (findings.length < PROBLEMS_LISTED_MAX) {
      findings.push({ ...found, evidence: `${rows.fleet.file}:${line}: ${found.evidence}` });
    }
  }
  return [totalFinding(checked, unusable), ...findings, ...chain];
}

function totalFinding(checked: number, unusable: number): Finding {
  const certificates = formatNoun(checked, 'certificate');
  if (unusable === 0) return ok(SUBJECT, `${certificates} checked, all usable`);
  const evidence = `${formatCount(unusable)} of ${certificates} ${unusable === 1 ? 'is' : 'are'} unusable`;
  return finding('problem', SUBJECT, evidence, 'Replace them, or take their devices out of the fleet');
}

function issuerFindings(pem: string, { nowMs, enrollmentCas }: CertificateRules): readonly Finding[] {
  const chain = certificatesIn(pem);
  const reasons = [
    ...chain.map((authority) => authorityProblem(authority, nowMs)),
    enrollmentCas === null ? null : chainProblem(chain, enrollmentCas, nowMs),
  ];
  return reasons
    .filter((reason) => reason !== null)
    .map((reason) => finding('problem', SUBJECT, `the CA that signs them: ${reason}`, 'Give another CA'));
}

async function* takenRows({ fleet, survey, takes }: CheckedRows): AsyncGenerator<{ line: number; row: FleetRow }> {
  let place = 0;
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, survey.bytes)) {
    for (const record of records) {
      const { line } = record;
      if (survey.rejectedLines?.has(line)) continue;
      const parsed = parseFleetRow(record, place, columns);
      place += 1;
      if ('row' in parsed && takes(parsed.row)) yield { line, row: parsed.row };
    }
  }
}

/** Returns `null` for a usable certificate. */
async function certificateFinding(
  row: CredentialRow,
  files: Extract<AttestationKeys, { kind: 'x509-files' }>['files'],
  { nowMs, enrollmentCas }: CertificateRules,
): Promise<Finding | null> {
  const made = await fileCredentials(files, row);
  if ('refusal' in made) return problemOf(made.refusal.code, made.refusal.message);
  const { clientCertificate } = made.credentials;
  if (clientCertificate === null) throw new Error('X.509 credentials without a certificate');
  const certificate = new X509Certificate(clientCertificate.chainPem);
  if (!isKeyOf(certificate, clientCertificate.privateKeyPem)) {
    return problemOf('client-certificate', 'the key is unreadable or does not belong to the certificate');
  }
  const kind = validityKind(certificate, nowMs);
  if (kind !== 'current') {
    const state =
      kind === 'expired' ? `expired on ${certificate.validTo}` : `is not valid before ${certificate.validFrom}`;
    return finding('problem', SUBJECT, `the certificate ${state}`, 'Issue a new certificate, or exclude the device');
  }
  const broken =
    enrollmentCas === null ? null : chainProblem(certificatesIn(clientCertificate.chainPem), enrollmentCas, nowMs);
  const remedy = 'Add the missing certificates to the file of the device, or issue it from the CA of the enrollment';
  return broken === null ? null : finding('problem', SUBJECT, broken, remedy);
}

function problemOf(code: string, message: string): Finding {
  return finding('problem', SUBJECT, message, remedyFor(code) ?? 'Give the device another certificate');
}
