import type { ClientCertificate } from '../mqtt/client-certificate.ts';
import type { Credentials } from './credentials.ts';

/** With X.509 the certificate of the TLS handshake is all: no password is sent. */
export function certificateCredentials(clientCertificate: ClientCertificate): Credentials {
  return { keys: 1, password: () => null, clientCertificate };
}
