import { isAbsolute, join } from 'node:path';

/** Where the certificate and the private key of each device are. */
export type CertificateFiles =
  /** In the columns `cert_file` and `key_file`, relative to `folder`, which is that of the CSV. */
  | { readonly from: 'rows'; readonly folder: string }
  /** In files in `folder`, named by patterns in which `{registration_id}` stands for the device's ID. */
  | {
      readonly from: 'folder';
      readonly folder: string;
      readonly certificatePattern: string;
      readonly keyPattern: string;
    };

/** Stands for the registration ID in a pattern. */
export const ID_IN_PATTERN = '{registration_id}';

/** Paths of one device's files; `null` = its row names no such file. */
export type CertificatePaths = { readonly certificateFile: string | null; readonly keyFile: string | null };

export function certificatePaths(
  files: CertificateFiles,
  row: CertificatePaths & { readonly registrationId: string },
): CertificatePaths {
  if (files.from === 'folder') {
    const named = (pattern: string): string =>
      join(files.folder, pattern.replaceAll(ID_IN_PATTERN, row.registrationId));
    return { certificateFile: named(files.certificatePattern), keyFile: named(files.keyPattern) };
  }
  const inFolder = (file: string | null): string | null =>
    file === null || isAbsolute(file) ? file : join(files.folder, file);
  return { certificateFile: inFolder(row.certificateFile), keyFile: inFolder(row.keyFile) };
}
