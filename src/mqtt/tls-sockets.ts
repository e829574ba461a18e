import { isIP, type OnReadOpts } from 'node:net';
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  rootCertificates,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import type { ClientCertificate } from '../conversation/client-certificate.ts';
import { type HostAddress, lookupIn } from './host-addresses.ts';
import { ServerNameCheck } from './server-name-check.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** TLS settings besides host, port and roots. */
export type TlsChoices = {
  /** `true`: the given roots replace the system's; `false`: they are added to them. */
  readonly caOnly: boolean;
  readonly versionMin: TlsVersion;
  readonly versionMax: TlsVersion;
  /** Sent as SNI; the certificate must be for this name. `null` = the host. */
  readonly serverName: string | null;
  /** Source addresses, used in turn, because each has its own local ports. Empty = the system chooses. */
  readonly localAddresses: readonly string[];
};

export const TLS_CHOICES_DEFAULT: TlsChoices = Object.freeze({
  caOnly: false,
  // The only version that the service's documentation promises; older ones are retired.
  versionMin: 'TLSv1.2',
  versionMax: 'TLSv1.3',
  serverName: null,
  localAddresses: [],
});

/**
 * If a name has several addresses, Node allows each 250 ms before it tries the next. A loaded front end answers a SYN later than that, and
 * every attempt given up early would add to the load. This allows one retransmission, which comes after 1 s.
 */
const ADDRESS_TIMEOUT_MS = 3_000;

/** A TLS record has at most 16 KiB (RFC 8446, 5.1), and Node reads no more than 64 KiB at once. */
const READ_BYTES_MAX = 64 * 1024;

/** For all sockets of the thread: what is read is used up before the next read. */
const READ_BUFFER = Buffer.allocUnsafeSlow(READ_BYTES_MAX);

export type TlsEndpoint = {
  /** Name or IP address; the certificate must be for it, unless `TlsChoices.serverName` is set. */
  readonly host: string;
  readonly port: number;
  /** Trusted roots, each one or more certificates in PEM. */
  readonly caPems: readonly string[];
  /** Where to connect instead of asking the name service for the host; read for each connection, since it may change. `null` = ask. */
  readonly addresses: readonly HostAddress[] | null;
};

/**
 * Begins to connect, presenting the certificate in the handshake; `null` = none.
 *
 * @param received takes the decrypted bytes, as `StreamEvents.received` does; absent = they are `data` of the socket
 * @throws what `tls.createSecureContext` throws for a certificate and key that it cannot use.
 */
export type OpenTlsSocket = (
  clientCertificate: ClientCertificate | null,
  received?: (bytes: Buffer) => void,
) => TLSSocket;

/**
 * TLS directly to the endpoint, always verified. All connections without a client certificate share one `SecureContext`, so call this once
 * per thread.
 *
 * @param sharedContext endpoints that trust the same roots can share theirs
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export function tlsSockets(
  endpoint: TlsEndpoint,
  choices: TlsChoices,
  sharedContext: SecureContext = openSharedContext(endpoint.caPems, choices),
): OpenTlsSocket {
  const { host, port, caPems } = endpoint;
  const name = choices.serverName ?? host;
  const options = {
    host,
    port,
    servername: serverNameIndication(name),
    rejectUnauthorized: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
  };
  const nameCheck = new ServerNameCheck(name);
  const nextSource = sourcesInTurn(choices.localAddresses);

  return (clientCertificate, received) => {
    const context = clientCertificate === null ? null : openDeviceContext(clientCertificate, caPems, choices);
    const socket: TLSSocket = connect({
      ...options,
      ...nextSource(),
      ...(endpoint.addresses === null ? {} : { lookup: lookupIn(endpoint.addresses) }),
      ...(received === undefined ? {} : { onread: readInto(READ_BUFFER, received) }),
      secureContext: context ?? sharedContext,
      checkServerIdentity: () => nameCheck.errorOf(socket),
    });
    // Otherwise small packets would wait for delayed acknowledgements. `tls.connect` ignores the `noDelay` option.
    socket.setNoDelay(true);
    skipCertificateObjects(socket);
    if (context !== null) closeWith(socket, context);
    return socket;
  };
}

function readInto(buffer: Buffer, received: (bytes: Buffer) => void): OnReadOpts {
  return {
    buffer,
    callback(bytes) {
      received(buffer.subarray(0, bytes));
      return true;
    },
  };
}

/** No SNI for addresses (RFC 6066, 3). @param name the name that the certificate must be for */
export function serverNameIndication(name: string): string {
  return isIP(name) === 0 ? name : '';
}

/** Each address of a name is tried over a new handle, so the context is needed until the socket closes. */
function closeWith(socket: TLSSocket, context: SecureContext): void {
  socket.once('close', () => closeDeviceContext(context));
}

function sourcesInTurn(localAddresses: readonly string[]): () => { localAddress?: string; family?: number } {
  let turn = 0;
  return () => {
    const localAddress = localAddresses[turn++ % localAddresses.length];
    // A source address only reaches targets of its own family.
    return localAddress === undefined ? {} : { localAddress, family: isIP(localAddress) };
  };
}

/**
 * After each handshake Node converts the server's whole chain into objects, only to pass them to `checkServerIdentity`: a third of the
 * handshake's cost. OpenSSL verifies the chain itself, and `ServerNameCheck` the name.
 */
function skipCertificateObjects(socket: TLSSocket): void {
  socket.getPeerCertificate = () => ({}) as PeerCertificate & { issuerCertificate: never };
}

/** Undocumented methods of Node's contexts, present on Node 20 to 26. */
type NativeContext = { addCACert?(pem: string): void; close?(): void };

/**
 * A context that presents no certificate. It does not depend on the name of the server.
 *
 * @throws what `tls.createSecureContext` throws for roots that it cannot read.
 */
export function openSharedContext(caPems: readonly string[], choices: TlsChoices): SecureContext {
  return openContext({}, caPems, choices);
}

/**
 * A context that presents the certificate of one device.
 *
 * @param caPems roots to add to the system's, or to use alone.
 * @throws what `tls.createSecureContext` throws for a certificate or key that it cannot read, or that do not match.
 */
export function openDeviceContext(
  { chainPem, privateKeyPem }: ClientCertificate,
  caPems: readonly string[],
  choices: TlsChoices,
): SecureContext {
  return openContext({ cert: chainPem, key: privateKeyPem }, caPems, choices);
}

/**
 * Parsing the system's roots together with added ones costs 10 to 40 ms per context. Instead, the added ones are put beside the system's
 * roots, which all contexts share.
 */
function openContext(
  identity: Pick<SecureContextOptions, 'cert' | 'key'>,
  caPems: readonly string[],
  { caOnly, versionMin: minVersion, versionMax: maxVersion }: TlsChoices,
): SecureContext {
  const options = { ...identity, minVersion, maxVersion };
  if (caPems.length === 0) return createSecureContext(options);
  if (caOnly) return createSecureContext({ ...options, ca: [...caPems] });
  const context = createSecureContext(options);
  const native: NativeContext = context.context;
  if (native.addCACert === undefined) return createSecureContext({ ...options, ca: [...rootCertificates, ...caPems] });
  for (const pem of caPems) native.addCACert(pem);
  return context;
}

/**
 * Frees the memory of a context that is no longer used. The garbage collector does not see how large contexts are outside the heap, and
 * would let them pile up by the thousand (nodejs/node issue 66002).
 */
export function closeDeviceContext(context: SecureContext): void {
  const native: NativeContext = context.context;
  native.close?.();
}
