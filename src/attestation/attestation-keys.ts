import type { KeyedCertificate } from '../certificates/certificate.ts';
import type { CertificateFiles } from '../fleet/certificate-files.ts';

/** Keys of enrollment groups, base64. */
export type GroupKeys = {
  /** For rows without a group, and for groups that `groups` does not name; `null` = there is none. */
  readonly defaultKey: string | null;
  /** By the CSV's `group` column. */
  readonly groups: Readonly<Record<string, string>>;
};

/** What a run proves its devices' identities with, checked. Plain data: it is posted to worker threads, and nowhere else. */
export type AttestationKeys =
  /** Symmetric keys, base64. */
  | (GroupKeys & {
      readonly kind: 'group-key';
      /** Tried where the service does not accept the primary one. */
      readonly secondary: GroupKeys;
    })
  /** Every row carries its own symmetric key. */
  | { readonly kind: 'device-key' }
  /** Every device has files of its own. */
  | { readonly kind: 'x509-files'; readonly files: CertificateFiles }
  /** Every device gets a new certificate when it is launched. */
  | {
      readonly kind: 'x509-issuer';
      /** The CA that signs it. */
      readonly issuer: KeyedCertificate;
      /** PEM, sent after the device's own. */
      readonly intermediatesPem: string;
    };
