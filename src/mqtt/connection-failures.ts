import type { ConnectionFailure, ConnectionFailureCode } from '../conversation/connection-failure.ts';

const NO_TRUSTED_ROOT = 'the certificate ends in no trusted root; name its root with --ca';
const NO_COMMON_VERSION =
  'the other side speaks none of the TLS versions that are allowed here; check --tls-min and --tls-max';

/** Node's error codes (system calls, getaddrinfo, OpenSSL's verification) and what they mean to a person at a fleet's desk. */
const SOCKET_FAILURES: Readonly<Record<string, readonly [code: ConnectionFailureCode, explanation: string]>> = {
  ENOTFOUND: ['dns', 'the host name has no address; check its spelling and the name service of this machine'],
  EAI_AGAIN: ['dns', 'the name service did not answer; check the name service of this machine'],

  ECONNREFUSED: ['tcp-refused', 'nothing listens there, or a firewall refuses; check host and port'],
  ETIMEDOUT: ['tcp-timeout', 'no answer on TCP; check host, port and the firewalls between'],
  ECONNRESET: ['tcp-reset', 'the other side broke the connection off'],
  EPIPE: ['tcp-reset', 'the other side broke the connection off'],
  ECONNABORTED: ['tcp-reset', 'the connection was broken off'],
  ENETUNREACH: ['tcp-failed', 'the network cannot be reached from this machine; check its routes'],
  EHOSTUNREACH: ['tcp-failed', 'the host cannot be reached from this machine; check its routes'],
  EADDRNOTAVAIL: ['tcp-failed', 'no local port is left for this target; lower the rate, or widen ip_local_port_range'],
  EMFILE: ['tcp-failed', 'this process has no file descriptor left; raise "ulimit -n", or lower the concurrency'],
  ENFILE: ['tcp-failed', 'this machine has no file descriptor left; raise fs.file-max, or lower the concurrency'],
  ENOBUFS: ['tcp-failed', 'this machine has no socket buffers left; lower the concurrency'],
  EACCES: ['tcp-failed', 'this machine does not permit the connection; check its firewall'],
  EPERM: ['tcp-failed', 'this machine does not permit the connection; check its firewall'],

  ERR_TLS_CERT_ALTNAME_INVALID: ['tls-host-name', 'the certificate is for another name'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['tls-unknown-ca', NO_TRUSTED_ROOT],
  UNABLE_TO_GET_ISSUER_CERT: ['tls-unknown-ca', NO_TRUSTED_ROOT],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['tls-unknown-ca', NO_TRUSTED_ROOT],
  SELF_SIGNED_CERT_IN_CHAIN: ['tls-unknown-ca', 'the root of the certificate is not trusted; name it with --ca'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['tls-unknown-ca', 'the certificate is signed by itself; name it with --ca'],
  CERT_UNTRUSTED: ['tls-unknown-ca', 'the root of the certificate is not trusted for servers; name it with --ca'],
  CERT_HAS_EXPIRED: ['tls-expired', 'a certificate of the chain has expired, or the clock of this machine is wrong'],
  CERT_NOT_YET_VALID: [
    'tls-expired',
    'a certificate of the chain is not valid yet, or the clock of this machine is wrong',
  ],
  ERR_SSL_WRONG_VERSION_NUMBER: [
    'tls-failed',
    'the other side does not speak TLS on this port, or no version in common',
  ],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: ['tls-failed', NO_COMMON_VERSION],
  ERR_SSL_UNSUPPORTED_PROTOCOL: ['tls-failed', NO_COMMON_VERSION],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['tls-failed', 'the other side does not speak TLS on this port'],
};

/** CONNACK return codes 1 to 5 of MQTT 3.1.1, and what they were seen to mean at this service; the advice stands in the remedies. */
const CONNACK_FAILURES: Readonly<Record<number, readonly [code: ConnectionFailureCode, explanation: string]>> = {
  1: ['connack-1', 'unacceptable protocol version'],
  2: ['connack-2', 'client identifier rejected'],
  3: ['connack-3', 'server unavailable, or an unknown ID scope'],
  4: ['connack-4', 'bad user name or password'],
  5: ['connack-5', 'not authorized'],
};

/** `reason`: OpenSSL's own words, without the place in its source that stands in the message. */
type SocketError = NodeJS.ErrnoException & { readonly reason?: string };

/** An error of the socket below MQTT. `where` names the target for people (`host:port`). */
export function socketFailure(error: SocketError, where: string): ConnectionFailure {
  const name = error.code ?? error.name;
  const known = SOCKET_FAILURES[name];
  if (known) return { code: known[0], message: `${where}: ${known[1]} (${name})` };
  return { code: unlistedCode(error), message: `${where}: ${error.reason ?? (error.message || 'failed')} (${name})` };
}

/** Errors of system calls carry `syscall`; what is left comes from OpenSSL, which has hundreds of names. */
function unlistedCode(error: NodeJS.ErrnoException): ConnectionFailureCode {
  if (error.syscall === 'getaddrinfo') return 'dns';
  return error.syscall === undefined ? 'tls-failed' : 'tcp-failed';
}

/** A certificate or key of the device that TLS cannot use: not PEM, of different pairs, or weaker than OpenSSL allows. */
export function clientCertificateFailure({ message }: Error): ConnectionFailure {
  return { code: 'client-certificate', message: `certificate and key of the device cannot be used: ${message}` };
}

/** An upgrade to WebSocket that was refused, or an answer that is no WebSocket. @param what was received, or what a parser said of it. */
export function webSocketFailure(what: string, where: string): ConnectionFailure {
  return { code: 'websocket-refused', message: `${where}: no MQTT over WebSocket here: ${what}` };
}

/** A CONNACK that is no acceptance; `null` = the packet held no return code. */
export function connackFailure(returnCode: number | null): ConnectionFailure {
  const known = CONNACK_FAILURES[returnCode ?? 0];
  if (!known) return protocolFailure(`CONNACK with return code ${returnCode ?? 'missing'}`);
  return { code: known[0], message: `CONNECT refused with ${returnCode}: ${known[1]}` };
}

/** @param what what was received, or what a parser said of it. */
export function protocolFailure(what: string): ConnectionFailure {
  return { code: 'protocol-error', message: `the other side does not keep to MQTT 3.1.1: ${what}` };
}
