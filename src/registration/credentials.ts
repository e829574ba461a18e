import type { ClientCertificate } from '../conversation/client-certificate.ts';

/** A device's proof of identity. */
export type Credentials = {
  /** Number of keys: 2 if the device has a secondary key besides its primary one. */
  readonly keys: number;
  /**
   * A new password for one connection; `null` = none is sent.
   *
   * @param epochMs wall clock
   * @param key index of the key, from 0
   */
  password(epochMs: number, key: number): string | null;
  /** Presented in the TLS handshake; `null` with symmetric keys. */
  readonly clientCertificate: ClientCertificate | null;
};
