/** Why a connection could not be had or was lost; the registration machine decides from it whether another try makes sense. */
export const CONNECTION_FAILURE_CODES = [
  'dns', // the host name has no address
  'tcp-refused',
  'tcp-timeout',
  'tcp-reset',
  'tcp-failed', // any other failure below TLS: unreachable network, no local port, no file descriptor
  'tls-host-name', // the certificate is for another name
  'tls-unknown-ca', // the chain ends in no trusted root
  'tls-expired', // outside its validity, or the local clock is wrong
  'client-certificate', // the device's own: not readable, or not with this key
  'tls-failed', // any other failure of the handshake
  'websocket-refused', // the upgrade, by the service or a proxy on the way
  'connack-1',
  'connack-2',
  'connack-3',
  'connack-4',
  'connack-5',
  'suback-refused',
  'closed', // by the other side once TLS was established, or it has fallen silent
  'protocol-error', // bytes that are no MQTT
] as const;

export type ConnectionFailureCode = (typeof CONNECTION_FAILURE_CODES)[number];

export type ConnectionFailure = {
  readonly code: ConnectionFailureCode;
  /** For people; never holds a secret. */
  readonly message: string;
};
