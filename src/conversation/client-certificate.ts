/** What a device proves its identity with in the TLS handshake. Holds a private key: never log it. */
export type ClientCertificate = {
  /** PEM: the device's own certificate, then the intermediates in the order of signing. */
  readonly chainPem: string;
  /** PEM, not encrypted. */
  readonly privateKeyPem: string;
};
