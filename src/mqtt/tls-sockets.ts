import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { ClientCertificate } from '../conversation/client-certificate.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** How TLS is spoken, beyond host, port and roots. */
export type TlsChoices = {
  /** `true`: the given roots stand instead of the system's; `false`: beside them. */
  readonly caOnly: boolean;
  readonly versionMin: TlsVersion;
  readonly versionMax: TlsVersion;
  /** Sent as SNI, and the name that the certificate must bear; `null` = the host. */
  readonly serverName: string | null;
  /** Source addresses, used in turn: each has local ports of its own. Empty = the system chooses. */
  readonly localAddresses: readonly string[];
};

export const TLS_CHOICES_DEFAULT: TlsChoices = Object.freeze({
  caOnly: false,
  // The only version that the service's documentation promises; older ones are dead.
  versionMin: 'TLSv1.2',
  versionMax: 'TLSv1.3',
  serverName: null,
  localAddresses: [],
});

/**
 * Where a name has several addresses, Node gives each 250 ms and then tries the next. A front end under load answers a
 * SYN later than that, and every try given up early would add to the load: allow one retransmission, which comes after 1 s.
 */
const ADDRESS_TIMEOUT_MS = 3_000;

/** The subject alternative names of a certificate are quoted to people up to this length. */
const NAMES_CHARACTERS_MAX = 200;

export type TlsEndpoint = {
  /** Name or IP address; the certificate must be for it, unless `TlsChoices.serverName` says otherwise. */
  readonly host: string;
  readonly port: number;
  /** Trusted roots, each one or more certificates in PEM. */
  readonly caPems: readonly string[];
};

/**
 * Begins to connect, showing the certificate in the handshake; `null` = none.
 *
 * @throws what `tls.createSecureContext` throws for a certificate and key that it cannot use.
 */
export type OpenTlsSocket = (clientCertificate: ClientCertificate | null) => TLSSocket;

/**
 * TLS straight to the endpoint, always verified. All connections without a client certificate share one `SecureContext`: making
 * it takes tens of milliseconds once roots are added, so call this once per thread.
 *
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export function tlsSockets({ host, port, caPems }: TlsEndpoint, choices: TlsChoices): OpenTlsSocket {
  const sharedContext = openSharedContext(caPems, choices);
  const name = choices.serverName ?? host;
  const options = {
    host,
    port,
    servername: serverNameIndication(name),
    rejectUnauthorized: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
  };
  const nextSource = sourcesInTurn(choices.localAddresses);

  return (clientCertificate) => {
    const context = clientCertificate === null ? null : openDeviceContext(clientCertificate, caPems, choices);
    const socket: TLSSocket = connect({
      ...options,
      ...nextSource(),
      secureContext: context ?? sharedContext,
      checkServerIdentity: () => identityError(socket, name),
    });
    // Small packets that answer each other would wait for delayed acknowledgements. `tls.connect` ignores the option of this name.
    socket.setNoDelay(true);
    skipCertificateObjects(socket);
    if (context !== null) closeWith(socket, context);
    return socket;
  };
}

/** No SNI for addresses (RFC 6066, 3). @param name that the certificate must bear */
export function serverNameIndication(name: string): string {
  return isIP(name) === 0 ? name : '';
}

function openSharedContext(
  caPems: readonly string[],
  { caOnly, versionMin: minVersion, versionMax: maxVersion }: TlsChoices,
): SecureContext {
  if (caPems.length === 0) return createSecureContext({ minVersion, maxVersion });
  const ca = caOnly ? [...caPems] : [...rootCertificates, ...caPems];
  return createSecureContext({ minVersion, maxVersion, ca });
}

/** A name with several addresses is tried over a new handle for each, so that the context is needed until the end. */
function closeWith(socket: TLSSocket, context: SecureContext): void {
  socket.once('close', () => closeDeviceContext(context));
}

function sourcesInTurn(localAddresses: readonly string[]): () => { localAddress?: string; family?: number } {
  let turn = 0;
  return () => {
    const localAddress = localAddresses[turn++ % localAddresses.length];
    // A source address reaches only targets of its own family.
    return localAddress === undefined ? {} : { localAddress, family: isIP(localAddress) };
  };
}

/**
 * After each handshake Node turns the peer's whole chain into objects, only to hand them to `checkServerIdentity`: a third of
 * the handshake's cost. The chain itself is verified by OpenSSL, and the name by `identityError`, which asks OpenSSL too.
 */
function skipCertificateObjects(socket: TLSSocket): void {
  socket.getPeerCertificate = () => ({}) as PeerCertificate & { issuerCertificate: never };
}

function identityError(socket: TLSSocket, name: string): Error | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate !== undefined && isIssuedFor(certificate, name)) return undefined;
  const names = certificate?.subjectAltName ?? certificate?.subject ?? 'nobody';
  return Object.assign(new Error(`the certificate is for ${names.slice(0, NAMES_CHARACTERS_MAX)}, not for ${name}`), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
}

/** A name by the DNS names of the certificate (where it has none, by its common name), an address by its IP addresses. */
function isIssuedFor(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  return certificate.checkHost(name) !== undefined;
}

/** What Node's contexts can do beyond their documentation, on Node 20 to 26. */
type NativeContext = { addCACert?(pem: string): void; close?(): void };

/**
 * A context for one device, which shows its certificate.
 *
 * Where roots are added to the system's, parsing all of them anew costs 10 to 30 ms a context: instead the added ones are put
 * beside the system's, which all contexts share.
 *
 * @param caPems roots that are added, or that stand alone.
 * @throws what `tls.createSecureContext` throws for a certificate or key that it cannot read, or that do not fit.
 */
export function openDeviceContext(
  { chainPem, privateKeyPem }: ClientCertificate,
  caPems: readonly string[],
  { caOnly, versionMin: minVersion, versionMax: maxVersion }: TlsChoices,
): SecureContext {
  const options = { minVersion, maxVersion, cert: chainPem, key: privateKeyPem };
  if (caPems.length === 0) return createSecureContext(options);
  if (caOnly) return createSecureContext({ ...options, ca: [...caPems] });
  const context = createSecureContext(options);
  const native: NativeContext = context.context;
  if (native.addCACert === undefined) return createSecureContext({ ...options, ca: [...rootCertificates, ...caPems] });
  for (const pem of caPems) native.addCACert(pem);
  return context;
}

/**
 * Frees the memory of a context that no connection uses any more. Left to the garbage collector, which does not see how large
 * it is outside the heap, contexts pile up by the thousand (nodejs/node issue 66002).
 */
export function closeDeviceContext(context: SecureContext): void {
  const native: NativeContext = context.context;
  native.close?.();
}
