import type { ClientCertificate } from '../conversation/client-certificate.ts';

/** What a device proves its identity with. */
export type Credentials = {
  /** How many there are to choose from: 2 where the device has a secondary key beside its primary one. */
  readonly keys: number;
  /**
   * The password of one CONNECT, made anew for each; `null` = none is sent.
   *
   * @param epochMs wall clock
   * @param key from 0, below `keys`
   */
  password(epochMs: number, key: number): string | null;
  /** Shown in the TLS handshake; `null` with symmetric keys. */
  readonly clientCertificate: ClientCertificate | null;
};
