import type { ClientCertificate } from '../conversation/client-certificate.ts';
import type { Credentials } from '../registration/credentials.ts';
import type { Launch } from '../registration/launch.ts';

/** What credentials are made of. */
export type CredentialRow = Pick<
  Launch,
  'row' | 'registrationId' | 'group' | 'deviceKey' | 'certificateFile' | 'keyFile'
>;

/** Why a device cannot even be tried. */
export type CredentialRefusal = {
  /** `certificate-unreadable`: a file is missing, or no PEM. `certificate-mismatch`: it is another device's. */
  readonly code: 'certificate-unreadable' | 'certificate-mismatch';
  /** Another try may go better: this machine could not read the file just now. */
  readonly passes: boolean;
  /** For people; quotes no key. */
  readonly message: string;
};

export type MadeCredentials = { readonly credentials: Credentials } | { readonly refusal: CredentialRefusal };

/** @throws Error for a row without the key or file that the survey demands of it. */
export type MakeCredentials = (row: CredentialRow) => Promise<MadeCredentials>;

/** With X.509 the certificate of the TLS handshake is all: no password is sent. */
export function certificateCredentials(clientCertificate: ClientCertificate): Credentials {
  return { keys: 1, password: () => null, clientCertificate };
}
