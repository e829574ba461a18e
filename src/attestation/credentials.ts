import type { ClientCertificate } from '../mqtt/client-certificate.ts';

/** What a device proves its identity with. */
export type Credentials = {
  /**
   * The password of one CONNECT, made anew for each; `null` = none is sent.
   *
   * @param epochMs wall clock
   */
  password(epochMs: number): string | null;
  /** Shown in the TLS handshake; `null` with symmetric keys. */
  readonly clientCertificate: ClientCertificate | null;
};
