import type { ConnectionFailure, ConnectionFailureCode } from '../conversation/connection-failure.ts';

export const CLOSED_BY_SERVER: ConnectionFailure = { code: 'closed', message: 'the server closed the connection' };

export const PING_UNANSWERED: ConnectionFailure = {
  code: 'closed',
  message: 'the server did not answer a keep-alive ping',
};

const NO_TRUSTED_ROOT = 'the certificate does not chain to a trusted root';
const NO_COMMON_VERSION = 'the server supports none of the allowed TLS versions';

/**
 * Node's error codes (system calls, getaddrinfo, OpenSSL's verification), explained for the operator; `null` = the error's text
 * does. The advice is in report/remedies, unless it is of this code alone.
 */
const SOCKET_FAILURES: Readonly<Record<string, readonly [code: ConnectionFailureCode, explanation: string | null]>> = {
  ENOTFOUND: ['dns', 'the host name has no address'],
  EAI_AGAIN: ['dns', 'the DNS server did not answer'],

  ECONNREFUSED: ['tcp-refused', 'nothing listens on this port, or a firewall rejects the connection'],
  ETIMEDOUT: ['tcp-timeout', 'no answer to the TCP connection'],
  ECONNRESET: ['tcp-reset', 'the server reset the connection'],
  EPIPE: ['tcp-reset', 'the server reset the connection'],
  ECONNABORTED: ['tcp-reset', 'the connection was aborted'],
  ENETUNREACH: ['tcp-failed', 'this machine has no route to the network; check its routes'],
  EHOSTUNREACH: ['tcp-failed', 'this machine has no route to the host; check its routes'],
  EADDRNOTAVAIL: ['tcp-failed', 'no local ports left for this target; lower the rate or widen ip_local_port_range'],
  EMFILE: ['tcp-failed', 'this process has run out of file descriptors; raise "ulimit -n" or lower the concurrency'],
  ENFILE: ['tcp-failed', 'this machine has run out of file descriptors; raise fs.file-max or lower the concurrency'],
  ENOBUFS: ['tcp-failed', 'this machine has run out of socket buffers; lower the concurrency'],
  EACCES: ['tcp-failed', 'this machine does not allow the connection; check its firewall'],
  EPERM: ['tcp-failed', 'this machine does not allow the connection; check its firewall'],

  ERR_TLS_CERT_ALTNAME_INVALID: ['tls-host-name', null],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['tls-unknown-ca', NO_TRUSTED_ROOT],
  UNABLE_TO_GET_ISSUER_CERT: ['tls-unknown-ca', NO_TRUSTED_ROOT],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['tls-unknown-ca', NO_TRUSTED_ROOT],
  SELF_SIGNED_CERT_IN_CHAIN: ['tls-unknown-ca', 'the root certificate is not trusted'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['tls-unknown-ca', 'the certificate is self-signed'],
  CERT_UNTRUSTED: ['tls-unknown-ca', 'the root certificate is not trusted for servers'],
  CERT_HAS_EXPIRED: ['tls-expired', 'a certificate in the chain has expired, or the clock of this machine is wrong'],
  CERT_NOT_YET_VALID: [
    'tls-expired',
    'a certificate in the chain is not valid yet, or the clock of this machine is wrong',
  ],
  ERR_SSL_WRONG_VERSION_NUMBER: ['tls-failed', 'the server does not speak TLS on this port, or shares no TLS version'],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: ['tls-failed', NO_COMMON_VERSION],
  ERR_SSL_UNSUPPORTED_PROTOCOL: ['tls-failed', NO_COMMON_VERSION],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['tls-failed', 'the server does not speak TLS on this port'],
};

/** CONNACK return codes 1 to 5 of MQTT 3.1.1, with their observed meaning at this service. The advice is in report/remedies. */
const CONNACK_FAILURES: Readonly<Record<number, readonly [code: ConnectionFailureCode, explanation: string]>> = {
  1: ['connack-1', 'unacceptable protocol version'],
  2: ['connack-2', 'client identifier rejected'],
  3: ['connack-3', 'server unavailable, or an unknown ID scope'],
  4: ['connack-4', 'bad user name or password'],
  5: ['connack-5', 'not authorized'],
};

/** `reason`: OpenSSL's text without the source location that its message contains. */
type SocketError = NodeJS.ErrnoException & { readonly reason?: string };

/** An error of the socket below MQTT. @param where the target, for people: `host:port` */
export function socketFailure(error: SocketError, where: string): ConnectionFailure {
  const name = error.code ?? error.name;
  const known = SOCKET_FAILURES[name];
  if (known) return { code: known[0], message: `${where}: ${known[1] ?? error.message} (${name})` };
  return { code: unlistedCode(error), message: `${where}: ${error.reason ?? (error.message || 'failed')} (${name})` };
}

/** Errors of system calls carry `syscall`; the rest come from OpenSSL, which has hundreds of names. */
function unlistedCode(error: NodeJS.ErrnoException): ConnectionFailureCode {
  if (error.syscall === 'getaddrinfo') return 'dns';
  return error.syscall === undefined ? 'tls-failed' : 'tcp-failed';
}

/** A device's certificate or key that TLS cannot use: not PEM, not a pair, or weaker than OpenSSL allows. */
export function clientCertificateFailure({ message }: Error): ConnectionFailure {
  return { code: 'client-certificate', message: `certificate and key of the device are unusable: ${message}` };
}

/** A refused WebSocket upgrade, or an answer that is not WebSocket. @param what was received, or the parser's complaint */
export function webSocketFailure(what: string, where: string): ConnectionFailure {
  return { code: 'websocket-refused', message: `${where}: no MQTT over WebSocket: ${what}` };
}

/** A CONNACK that refuses; `null` = the packet has no return code. */
export function connackFailure(returnCode: number | null): ConnectionFailure {
  const known = CONNACK_FAILURES[returnCode ?? 0];
  if (!known) return protocolFailure(`CONNACK with return code ${returnCode ?? 'missing'}`);
  return { code: known[0], message: `CONNECT refused with ${returnCode}: ${known[1]}` };
}

/** @param what was received, or the parser's complaint */
export function protocolFailure(what: string): ConnectionFailure {
  return { code: 'protocol-error', message: `the server violates MQTT 3.1.1: ${what}` };
}
