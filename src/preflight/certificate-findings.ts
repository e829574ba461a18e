import { X509Certificate } from 'node:crypto';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { type CredentialRow, fileCredentials } from '../attestation/make-credentials.ts';
import { isKeyOf } from '../certificates/certificate-pair.ts';
import { validityKind } from '../certificates/validity.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import { type FleetRow, parseFleetRow } from '../fleet/fleet-row.ts';
import { readFleetRecords } from '../fleet/read-fleet-records.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import { PROBLEMS_LISTED_MAX } from '../problem/operator-error.ts';
import { formatCount, formatNoun } from '../report/format.ts';
import { remedyFor } from '../report/remedies.ts';
import { type Finding, finding, ok, warning } from './finding.ts';

/** The rows whose certificates are checked. */
export type CheckedRows = {
  readonly fleet: FleetFile;
  readonly survey: Pick<FleetSurvey, 'bytes' | 'rejectedLines'>;
  /** Called for every usable row, in order. */
  readonly takes: (row: FleetRow) => boolean;
};

/**
 * Reads the certificate and key of every selected row, and reports those that cannot register: the first `PROBLEMS_LISTED_MAX`, with
 * file and line. Certificates that the service will refuse are warnings, since refusal may be what is being tested.
 */
export async function certificateFindings(
  rows: CheckedRows,
  keys: AttestationKeys,
  nowMs: number,
): Promise<readonly Finding[]> {
  if (keys.kind !== 'x509-files') return [];
  const findings: Finding[] = [];
  let checked = 0;
  let unusable = 0;
  for await (const { line, row } of takenRows(rows)) {
    checked += 1;
    const found = await certificateFinding(row, keys.files, nowMs);
    if (found === null) continue;
    unusable += 1;
    if (findings.length < PROBLEMS_LISTED_MAX) {
      findings.push({ ...found, evidence: `${rows.fleet.file}:${line}: ${found.evidence}` });
    }
  }
  const certificates = formatNoun(checked, 'certificate');
  const evidence =
    unusable === 0
      ? `${certificates} checked, all usable`
      : `${formatCount(unusable)} of ${certificates} ${unusable === 1 ? 'is' : 'are'} unusable`;
  return [ok('certificates', evidence), ...findings];
}

async function* takenRows({ fleet, survey, takes }: CheckedRows): AsyncGenerator<{ line: number; row: FleetRow }> {
  let place = 0;
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, survey.bytes)) {
    for (const { line, fields } of records) {
      if (survey.rejectedLines?.has(line)) continue;
      const parsed = parseFleetRow(fields, place, columns);
      place += 1;
      if ('row' in parsed && takes(parsed.row)) yield { line, row: parsed.row };
    }
  }
}

/** Returns `null` for a usable certificate. */
async function certificateFinding(
  row: CredentialRow,
  files: Extract<AttestationKeys, { kind: 'x509-files' }>['files'],
  nowMs: number,
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
  if (kind === 'current') return null;
  const state =
    kind === 'expired' ? `expired on ${certificate.validTo}` : `is not valid before ${certificate.validFrom}`;
  return warning('certificates', `the certificate ${state}`, 'Issue a new certificate, or exclude the device');
}

function problemOf(code: string, message: string): Finding {
  return finding('problem', 'certificates', message, remedyFor(code) ?? 'Give the device another certificate');
}
