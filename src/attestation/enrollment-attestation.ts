import { readFile } from 'node:fs/promises';
import { certificateTexts } from '../certificates/certificate-chain.ts';
import type { AttestationBody } from '../dps/service-api.ts';
import { certificatePaths } from '../fleet/certificate-files.ts';
import type { RowComplaint } from '../fleet/fleet-row.ts';
import { unreadableReason } from '../problem/operator-error.ts';
import type { AttestationKeys } from './attestation-keys.ts';
import { type CredentialRow, certificateRefusal, deviceKeysOf } from './make-credentials.ts';

/** Keys and certificates that enrollments get; `generated`: the service makes the keys of rows without their own. */
export type EnrollmentKeys =
  | Exclude<AttestationKeys, { readonly kind: 'x509-issuer' }>
  | { readonly kind: 'generated' };

/** What proves the identity of the row's device, as its enrollment has it; or why there is nothing. */
export async function enrollmentAttestation(
  keys: EnrollmentKeys,
  row: CredentialRow,
): Promise<{ readonly attestation: AttestationBody } | { readonly complaint: RowComplaint }> {
  if (keys.kind === 'x509-files') return certificateAttestation(certificatePaths(keys.files, row).certificateFile, row);
  const [primaryKey, secondaryKey] = keys.kind === 'generated' ? [row.deviceKey ?? undefined] : deviceKeysOf(keys, row);
  if (primaryKey === undefined) {
    if (keys.kind === 'generated') return { attestation: { type: 'symmetricKey' } };
    const remedy = 'Give the key of its group, a device_key in every row, or --generate-keys';
    return { complaint: { message: 'no key', remedy } };
  }
  const symmetricKey = secondaryKey === undefined ? { primaryKey } : { primaryKey, secondaryKey };
  return { attestation: { type: 'symmetricKey', symmetricKey } };
}

async function certificateAttestation(
  file: string | null,
  { registrationId }: CredentialRow,
): Promise<{ readonly attestation: AttestationBody } | { readonly complaint: RowComplaint }> {
  if (file === null) {
    return {
      complaint: { message: 'no cert_file', remedy: 'Give every device its certificate, or use --cert-dir' },
    };
  }
  try {
    const pem = await readFile(file, 'utf8');
    const refusal = certificateRefusal(pem, registrationId);
    // Only the device's own certificate is enrolled, not those above it.
    const [certificate = ''] = certificateTexts(pem);
    if (refusal === null)
      return { attestation: { type: 'x509', x509: { clientCertificates: { primary: { certificate } } } } };
    return {
      complaint: {
        message: `${JSON.stringify(file)}: ${refusal.message}`,
        remedy: 'Name the certificate of this device',
      },
    };
  } catch (error) {
    const { message, remedy } = unreadableReason(error);
    return { complaint: { message: `cert_file ${JSON.stringify(file)}: ${message}`, remedy } };
  }
}
