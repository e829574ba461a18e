import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { certificateInSession } from './session-certificate.ts';

/** A front end has a few certificates at a time: for RSA and for ECDSA, each old and new during a renewal. */
const CERTIFICATES_MAX = 4;

/** Longer lists of a certificate's names are cut in messages. */
const NAMES_CHARACTERS_MAX = 200;

/**
 * Whether servers have a certificate for the name. OpenSSL has verified the chain of each connection before; the names of the same
 * certificate are the same, so they are read once. It is recognized in the session, byte by byte: to make an object of a chain of three
 * takes Node 0.2 to 0.3 ms of CPU, a fifth of a whole registration, this a tenth of that.
 */
export class ServerNameCheck {
  readonly #name: string;
  /** Certificates for the name, in DER, the latest first. */
  #certificates: readonly Buffer[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** The error for a connection whose handshake has ended; `undefined` = the certificate is for the name. */
  errorOf(socket: Pick<TLSSocket, 'getSession' | 'getPeerX509Certificate'>): Error | undefined {
    const session = socket.getSession();
    const presented = session === undefined ? null : certificateInSession(session);
    if (presented !== null && this.#certificates.some((known) => known.equals(presented))) return undefined;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined || !isIssuedFor(certificate, this.#name)) return this.#otherServer(certificate);
    this.#certificates = [certificate.raw, ...this.#certificates].slice(0, CERTIFICATES_MAX);
    return undefined;
  }

  #otherServer(certificate: X509Certificate | undefined): Error {
    const names = certificate?.subjectAltName ?? certificate?.subject ?? 'no name';
    const message = `the certificate is for ${names.slice(0, NAMES_CHARACTERS_MAX)}, not for ${this.#name}`;
    return Object.assign(new Error(message), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  }
}

/** A name must match the certificate's DNS names (or its common name, if it has none), an address its IP addresses. */
function isIssuedFor(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  return certificate.checkHost(name) !== undefined;
}
