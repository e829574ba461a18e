/** A device's proof of identity in the TLS handshake. Holds a private key: never log it. */
export type ClientCertificate = {
  /** PEM: the device's own certificate, then the intermediates in the order of signing. */
  readonly chainPem: string;
  /** Unencrypted PEM. */
  readonly privateKeyPem: string;
};
