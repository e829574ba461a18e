import { accessSync, constants } from 'node:fs';
import { isSecret } from '../dps/device-key.ts';
import { COMMON_NAME_CHARACTERS_MAX } from '../dps/registration-id.ts';
import { unreadableReason } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import { type CertificateFiles, certificatePaths } from './certificate-files.ts';
import type { CsvRecord } from './csv-record.ts';
import type { FleetColumns } from './fleet-header.ts';
import { type FleetRow, fleetRow, legalityComplaints, type RowComplaint } from './fleet-row.ts';

/** The rules that a run sets for every row, beyond its being legal. */
export type FleetRules =
  | { readonly keys: 'in-every-row' }
  /** A row without its own key has one derived from the key of its group. */
  | { readonly keys: 'of-these-groups'; readonly groups: readonly string[] }
  | { readonly keys: 'for-every-row' }
  /** X.509. `files`: where each device's files are; `null` = certificates are issued at launch. */
  | { readonly keys: 'certificates'; readonly files: CertificateFiles | null };

/** Complains of what a legal row lacks for the run. */
function ruleComplaints(
  row: FleetRow,
  rules: Exclude<FleetRules, { readonly keys: 'for-every-row' }>,
): readonly RowComplaint[] {
  if (rules.keys === 'certificates') return certificateComplaints(row, rules.files);
  if (row.deviceKey !== null) return [];
  if (rules.keys === 'in-every-row') {
    return [{ message: 'no device_key', remedy: 'Give every device its key, or use --attestation group-key' }];
  }
  const { group } = row;
  if (group !== null && rules.groups.includes(group)) return [];
  const remedy =
    'Name its key in attestation.groups of the scenario, or give a key for all other rows (--group-key-file); dpsload enroll can also let the service make the keys (--generate-keys)';
  if (group === null) return [{ message: 'neither a group nor a device_key, and therefore no key', remedy }];
  return [{ message: `no key given for group ${quoteValue(group)}`, remedy }];
}

/** Complains of what a row lacks for X.509. Checks only that the files can be read: `fileCredentials` reads their content. */
export function certificateComplaints(row: FleetRow, files: CertificateFiles | null): readonly RowComplaint[] {
  const complaints = [...commonNameComplaints(row.registrationId)];
  if (files === null) return complaints;
  const { certificateFile, keyFile } = certificatePaths(files, row);
  return [
    ...complaints,
    ...(secretComplaint('cert_file', row.certificateFile) ?? fileComplaints('cert_file', certificateFile)),
    ...(secretComplaint('key_file', row.keyFile) ?? fileComplaints('key_file', keyFile)),
  ];
}

function commonNameComplaints(registrationId: string): readonly RowComplaint[] {
  const { length } = registrationId;
  if (length <= COMMON_NAME_CHARACTERS_MAX) return [];
  return [
    {
      message: `registration_id is ${length} characters long; as the common name of a certificate it can have at most ${COMMON_NAME_CHARACTERS_MAX}`,
      remedy: 'Shorten it, or use symmetric keys',
    },
  ];
}

function secretComplaint(column: string, name: string | null): readonly RowComplaint[] | null {
  if (name === null || !isSecret(name)) return null;
  return [
    { message: `${column} is a secret, not the name of a file`, remedy: 'Put it into a file, and name that file' },
  ];
}

/** @param what The column that can hold the path. */
function fileComplaints(what: string, file: string | null): readonly RowComplaint[] {
  if (file === null) {
    return [{ message: `no ${what}`, remedy: 'Give every device its certificate and key, or use --cert-dir' }];
  }
  try {
    accessSync(file, constants.R_OK);
    return [];
  } catch (error) {
    const { message, remedy } = unreadableReason(error);
    return [{ message: `${what} ${JSON.stringify(file)}: ${message}`, remedy }];
  }
}

/** Complains of a row that is not legal, or lacks what the run needs; looks at no other rows. */
export function rowComplaints(record: CsvRecord, columns: FleetColumns, rules: FleetRules): readonly RowComplaint[] {
  const complaints = legalityComplaints(record, columns);
  if (complaints.length > 0 || rules.keys === 'for-every-row') return complaints;
  return ruleComplaints(fleetRow(record.fields, 0, columns), rules);
}
