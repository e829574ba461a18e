import { accessSync, constants } from 'node:fs';
import { COMMON_NAME_CHARACTERS_MAX } from '../dps/registration-id.ts';
import { isSecret } from '../dps/secret-text.ts';
import { unreadableReason } from '../problem/unreadable-file.ts';
import { type CertificateFiles, certificatePaths } from './certificate-files.ts';
import type { FleetRow } from './fleet-row.ts';
import type { RowComplaint } from './parse-fleet-row.ts';

/** What a row lacks for X.509. Only that the files are there is looked at: what they hold, `fileCredentials` reads. */
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
      message: `registration_id is ${length} characters long; as the common name of a certificate it has at most ${COMMON_NAME_CHARACTERS_MAX}`,
      remedy: 'Shorten it, or use symmetric keys',
    },
  ];
}

function secretComplaint(column: string, name: string | null): readonly RowComplaint[] | null {
  if (name === null || !isSecret(name)) return null;
  return [{ message: `${column} is a secret, not the name of a file`, remedy: 'Put it into a file, and name that' }];
}

/** @param what is in the file, named as the column that can hold its path. */
function fileComplaints(what: string, file: string | null): readonly RowComplaint[] {
  if (file === null) {
    return [{ message: `has no ${what}`, remedy: 'Give every device its certificate and key, or use --cert-dir' }];
  }
  try {
    accessSync(file, constants.R_OK);
    return [];
  } catch (error) {
    const { message, remedy } = unreadableReason(error);
    return [{ message: `${what} ${JSON.stringify(file)}: ${message}`, remedy }];
  }
}
