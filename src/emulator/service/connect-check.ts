import type { X509Certificate } from 'node:crypto';
import { commonName } from '../../certificates/certificate-chain.ts';
import { API_VERSIONS, isApiVersion } from '../../dps/api-versions.ts';
import { parseConnectUsername } from '../../dps/connect-identity.ts';
import { CONNACK } from '../../dps/error-codes.ts';
import { foldRegistrationId, registrationIdProblem } from '../../dps/registration-id.ts';
import { parseSasToken, registrationResource, type SasToken } from '../../dps/sas-token.ts';
import type { InstanceState } from './instance-state.ts';
import { keptText } from './kept-text.ts';
import type { ServiceBehavior } from './service-behavior.ts';

/** A CONNECT packet, with what the transport knows about the device. */
export type ConnectRequest = {
  readonly clientId: string;
  readonly username: string | null;
  /** `null` = no password, or an empty one. */
  readonly password: string | null;
  /** Certificates from the TLS handshake, the device's own first; empty = none. */
  readonly certificates: readonly X509Certificate[];
  /** IP address of the device; `null` = unknown. */
  readonly sourceAddress: () => string | null;
};

/** A password takes precedence over a certificate. */
export type PresentedCredentials =
  | { readonly kind: 'token'; readonly token: SasToken }
  | { readonly kind: 'certificates'; readonly chain: readonly X509Certificate[] };

/** A connection whose CONNECT was well-formed. Its credentials are judged at the register request, or at a poll before one. */
export type ConnectedDevice = {
  readonly instance: InstanceState;
  /** As the device wrote it. */
  readonly registrationId: string;
  readonly apiVersion: string;
  readonly credentials: PresentedCredentials;
  /** Revision of the enrollments in which the credentials were judged, and fitted an enabled one; `null` = none so far. */
  attestedInRevision: number | null;
  /** IP address; `null` = unknown. It costs a system call. */
  readonly sourceAddress: () => string | null;
};

/** CONNACK return codes other than 0, MQTT 3.1.1 §3.2.2.3. */
type RefusingReturnCode = Exclude<(typeof CONNACK)[keyof typeof CONNACK], 0>;

export type RefusedConnect = { readonly returnCode: RefusingReturnCode; readonly reason: string };

export type ConnectAnswer = { readonly returnCode: 0; readonly device: ConnectedDevice } | RefusedConnect;

/**
 * Checks the form of a CONNECT, as the service does. It does not check the token's signature: the real service reports a
 * wrong key at the register request.
 */
export function checkConnect(
  request: ConnectRequest,
  instances: ReadonlyMap<string, InstanceState>,
  nowMs: number,
  behavior: ServiceBehavior,
): ConnectAnswer {
  const malformed = (reason: string): ConnectAnswer => ({ returnCode: behavior.malformedUsernameCode, reason });
  const identity = request.username === null ? null : parseConnectUsername(request.username);
  if (identity === null) return malformed('malformed user name');
  const { idScope, registrationId, apiVersion } = identity;
  const idProblem = registrationIdProblem(registrationId);
  if (idProblem !== null) return malformed(`registration ID ${idProblem}`);
  const versionProblem = apiVersionProblem(apiVersion, behavior);
  if (versionProblem !== null) return malformed(versionProblem);
  const instance = instances.get(idScope);
  if (instance === undefined) return { returnCode: CONNACK.serverUnavailable, reason: 'unknown ID scope' };
  if (foldRegistrationId(request.clientId) !== foldRegistrationId(registrationId)) {
    return { returnCode: CONNACK.notAuthorized, reason: 'client ID differs from the registration ID' };
  }
  const credentials = credentialsOf(request, { idScope, registrationId }, nowMs, behavior);
  if (typeof credentials === 'string') return { returnCode: CONNACK.notAuthorized, reason: credentials };
  const device: ConnectedDevice = {
    instance,
    // Its record outlives the connection, and must not keep the user name.
    registrationId: keptText(registrationId),
    apiVersion,
    credentials,
    attestedInRevision: null,
    sourceAddress: request.sourceAddress,
  };
  return { returnCode: CONNACK.accepted, device };
}

function apiVersionProblem(apiVersion: string, { otherApiVersions }: ServiceBehavior): string | null {
  if (API_VERSIONS.has(apiVersion)) return null;
  if (!isApiVersion(apiVersion)) return 'malformed api-version';
  return otherApiVersions === 'accept' ? null : `unknown api-version ${apiVersion}`;
}

/** The credentials, or what is wrong with their form. */
function credentialsOf(
  { password, certificates }: ConnectRequest,
  { idScope, registrationId }: { readonly idScope: string; readonly registrationId: string },
  nowMs: number,
  { clockSkewSeconds, commonNameCheck }: ServiceBehavior,
): PresentedCredentials | string {
  if (password !== null) {
    const token = parseSasToken(password);
    if (token === null) return 'malformed SAS token';
    if (token.resource.toLowerCase() !== registrationResource(idScope, registrationId).toLowerCase())
      return 'SAS token for another resource';
    return token.expiryEpochSeconds < nowMs / 1000 - clockSkewSeconds ? 'SAS token expired' : { kind: 'token', token };
  }
  const [leaf] = certificates;
  if (leaf === undefined) return 'neither a password nor a client certificate';
  if (commonNameCheck === 'register' || isNamed(leaf, registrationId))
    return { kind: 'certificates', chain: certificates };
  return "the certificate's common name differs from the registration ID";
}

/** Returns whether the certificate's common name is the registration ID, ignoring case. */
export function isNamed(certificate: X509Certificate, registrationId: string): boolean {
  const name = commonName(certificate);
  return name !== null && foldRegistrationId(name) === foldRegistrationId(registrationId);
}
