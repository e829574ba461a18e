/** Why a connection failed or was lost; from the code the registration machine decides whether to try again. */
export const CONNECTION_FAILURE_CODES = [
  'dns', // the host name has no address
  'tcp-refused',
  'tcp-timeout',
  'tcp-reset',
  'tcp-failed', // any other failure below TLS: unreachable network, no local port, no file descriptor
  'tls-host-name', // the server's certificate is for another name
  'tls-unknown-ca', // the chain does not end in a trusted root
  'tls-expired', // outside its validity period, or the local clock is wrong
  'client-certificate', // the device's own certificate is unreadable or does not match its key
  'tls-failed', // any other failure of the handshake
  'websocket-refused', // the service, or a proxy in between, refused the upgrade
  'connack-1',
  'connack-2',
  'connack-3',
  'connack-4',
  'connack-5',
  'suback-refused',
  'closed', // by the server after TLS was established, or the server went silent
  'protocol-error', // the bytes received are not MQTT
] as const;

export type ConnectionFailureCode = (typeof CONNECTION_FAILURE_CODES)[number];

export type ConnectionFailure = {
  readonly code: ConnectionFailureCode;
  /** For people; never contains a secret. */
  readonly message: string;
};
