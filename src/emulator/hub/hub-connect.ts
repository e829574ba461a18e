import type { X509Certificate } from 'node:crypto';
import { commonName } from '../../certificates/certificate-chain.ts';
import { isApiVersion } from '../../dps/api-versions.ts';
import { CONNACK } from '../../dps/error-codes.ts';
import { parseHubUsername } from '../../dps/hub-identity.ts';
import { hubResource, isSignedWith, parseSasToken, type SasToken } from '../../dps/sas-token.ts';
import { isCurrent, isSignedUnder } from '../service/attestation.ts';
import type { ConnectRequest, RefusedConnect } from '../service/connect-check.ts';
import { type DeviceAuthentication, thumbprintOf } from '../service/hub-assignment.ts';
import type { ServiceBehavior } from '../service/service-behavior.ts';
import type { DeviceIdentity } from './device-identity.ts';
import type { HubState } from './hub-state.ts';

/** A CONNECT to a hub. */
export type HubConnectRequest = ConnectRequest & {
  /** Server name of the TLS handshake (SNI); `null` = the device sent none. */
  readonly serverName: string | null;
};

/** What the hubs are checked against. */
export type HubConnectRules = {
  readonly behavior: ServiceBehavior;
  /** How far `nowMs` is ahead of the time by which tokens and certificates are valid. */
  readonly aheadMs: number;
  /** Names of the server beside those of the hubs, in lower case: of loopback, and of a gateway before the hubs. */
  readonly ownNames: ReadonlySet<string>;
};

/** A device that has proved who it is. */
export type ProvenDevice = {
  readonly hub: HubState;
  readonly identity: DeviceIdentity;
  /** Real time until the token expires, when the hub closes the connection. Infinite with a certificate. */
  readonly endsInMs: number;
};

type HubConnectVerdict = { readonly returnCode: 0; readonly device: ProvenDevice } | RefusedConnect;

/** The hub that a CONNECT names, even if the rest of it will not do; `null` = none of these. */
export function hubOf(request: HubConnectRequest, hubs: ReadonlyMap<string, HubState>): HubState | null {
  const identity = parseHubUsername(request.username ?? '');
  return identity === null ? null : (hubs.get(identity.hub.toLowerCase()) ?? null);
}

/** Checks all of a CONNECT: unlike the provisioning service, a hub checks signature and certificate at once. */
export function checkHubConnect(
  request: HubConnectRequest,
  hub: HubState | null,
  nowMs: number,
  rules: HubConnectRules,
): HubConnectVerdict {
  const identity = parseHubUsername(request.username ?? '');
  const malformed = (reason: string): RefusedConnect => ({ returnCode: rules.behavior.malformedUsernameCode, reason });
  if (identity === null) return malformed('malformed user name');
  if (!isApiVersion(identity.apiVersion)) return malformed('malformed api-version');
  if (hub === null) return unauthorized('the user name names a hub that is not linked');
  const serverName = request.serverName?.toLowerCase() ?? null;
  if (serverName !== null && serverName !== hub.hostName.toLowerCase() && !rules.ownNames.has(serverName)) {
    return unauthorized('the server name (SNI) is that of another server than the hub in the user name');
  }
  const { deviceId } = identity;
  if (request.clientId !== deviceId) return unauthorized('client ID differs from the device ID in the user name');
  const device = hub.find(deviceId, nowMs);
  if (device === null) return unauthorized('the hub has no such device');
  if (device.status === 'disabled') return unauthorized('the device is disabled at its hub');
  const { clockSkewSeconds } = rules.behavior;
  const proof = checkCredentials(request, hub, device, { nowMs: nowMs - rules.aheadMs, clockSkewSeconds });
  if (typeof proof === 'string') return unauthorized(proof);
  return { returnCode: CONNACK.accepted, device: { hub, identity: device, ...proof } };
}

function unauthorized(reason: string): RefusedConnect {
  return { returnCode: CONNACK.notAuthorized, reason };
}

type Moment = { readonly nowMs: number; readonly clockSkewSeconds: number };

/** For how long the credentials are good, or what is wrong with them. */
function checkCredentials(
  { password, certificates }: HubConnectRequest,
  { hostName }: HubState,
  { deviceId, authentication }: DeviceIdentity,
  { nowMs, clockSkewSeconds }: Moment,
): { readonly endsInMs: number } | string {
  if (password === null) {
    if (certificates.length === 0) return 'neither a password nor a client certificate';
    return certificateProblem(certificates, deviceId, authentication, nowMs) ?? { endsInMs: Number.POSITIVE_INFINITY };
  }
  const token = parseSasToken(password);
  if (token === null) return 'malformed SAS token';
  if (!isFor(token, hostName, deviceId)) return 'SAS token for another resource';
  const endsInMs = (token.expiryEpochSeconds + clockSkewSeconds) * 1000 - nowMs;
  if (endsInMs < 0) return 'SAS token expired';
  if (authentication.type !== 'sas')
    return `the device authenticates with ${authentication.type}, not with a SAS token`;
  const { primaryKey, secondaryKey } = authentication;
  const fits = isSignedWith(token, primaryKey) || (secondaryKey !== null && isSignedWith(token, secondaryKey));
  return fits ? { endsInMs } : "the token is signed with none of the device's keys";
}

/** The case of the hub's name does not count, that of the device ID does. */
function isFor({ resource }: SasToken, hostName: string, deviceId: string): boolean {
  const end = hubResource('', deviceId);
  return resource.endsWith(end) && resource.slice(0, -end.length).toLowerCase() === hostName.toLowerCase();
}

function certificateProblem(
  chain: readonly X509Certificate[],
  deviceId: string,
  authentication: DeviceAuthentication,
  nowMs: number,
): string | null {
  const [leaf] = chain;
  if (authentication.type === 'sas') return 'the device authenticates with a SAS token, not with a certificate';
  if (leaf === undefined || !isCurrent(leaf, nowMs)) return 'the certificate is expired, or not yet valid';
  if (authentication.type === 'selfSigned') {
    const isEnrolled = authentication.thumbprints.includes(thumbprintOf(leaf));
    return isEnrolled ? null : 'the certificate has another thumbprint than that of the device';
  }
  if (commonName(leaf) !== deviceId) return "the certificate's common name is not the device ID";
  const isSigned = isSignedUnder(chain, authentication.certificates, nowMs);
  return isSigned ? null : 'the certificate does not lead to the authority of the device';
}
