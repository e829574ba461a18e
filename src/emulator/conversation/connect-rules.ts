import { API_VERSIONS, isApiVersion } from '../../dps/api-versions.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { registrationResource } from '../../dps/sas-token.ts';
import type { Connection, ConnectStep } from './conversation.ts';
import type { FindingCode } from './finding.ts';

/** What a rule found, and what it saw. */
export type Seen = readonly [code: FindingCode, seen: string];

/** The api-version that most SDKs use; what is older knows no re-provisioning, or is a preview of it. */
const API_VERSION_OLDEST = '2019-03-31';
/** The service may have newer ones than this program knows. */
const API_VERSION_NEWEST = [...API_VERSIONS].sort().at(-1) ?? '';
/** Largest useful keep-alive of the hubs, in seconds. */
const KEEP_ALIVE_SECONDS_MAX = 1_177;
/** The longest lifetime of an official SDK is a day; clocks may differ a little. */
const TOKEN_LIFETIME_MAX_MS = 25 * 3_600_000;

/** What a CONNECT shows. */
export function connectFindings(connection: Connection, connect: ConnectStep): readonly Seen[] {
  if (connect.protocol !== 'MQTT 4') return [['mqtt-version', connect.protocol]];
  return [
    ...handshakeFindings(connection),
    ...identityFindings(connect),
    ...sessionFindings(connect),
    ...credentialFindings(connection, connect),
  ];
}

/** Whoever connects to an IP address sends no server name; on the machine itself, that is common. */
function handshakeFindings({ serverName, sourceAddress }: Connection): readonly Seen[] {
  if (serverName !== null || sourceAddress === null || /^(::ffff:)?127\.|^::1$/.test(sourceAddress)) return [];
  return [['no-server-name', 'a handshake without a server name']];
}

function identityFindings({ clientId, username, registrationId, apiVersion, userAgent }: ConnectStep): readonly Seen[] {
  if (registrationId === null || apiVersion === null) return [['user-name', username ?? 'no user name']];
  const seen: Seen[] = [];
  if (foldRegistrationId(clientId) !== foldRegistrationId(registrationId)) {
    seen.push(['client-id', `client ID ${clientId}, registration ID ${registrationId}`]);
  }
  if (!API_VERSIONS.has(apiVersion)) {
    if (!isApiVersion(apiVersion) || apiVersion < API_VERSION_NEWEST) seen.push(['api-version-unknown', apiVersion]);
  } else if (apiVersion < API_VERSION_OLDEST) seen.push(['api-version-outdated', apiVersion]);
  if (userAgent === null) seen.push(['no-user-agent', 'no ClientVersion in the user name']);
  return seen;
}

function sessionFindings({ keepAliveSeconds, cleanSession, hasWill }: ConnectStep): readonly Seen[] {
  const seen: Seen[] = [];
  if (keepAliveSeconds === 0) seen.push(['no-keep-alive', 'keep-alive 0']);
  if (keepAliveSeconds > KEEP_ALIVE_SECONDS_MAX) seen.push(['keep-alive-long', `keep-alive ${keepAliveSeconds} s`]);
  if (!cleanSession) seen.push(['no-clean-session', 'clean session 0']);
  if (hasWill) seen.push(['will', 'a will message']);
  return seen;
}

function credentialFindings({ certificates }: Connection, connect: ConnectStep): readonly Seen[] {
  const { password, registrationId } = connect;
  if (password?.kind === 'other') return [['token-malformed', 'a password that is no SAS token']];
  if (password !== null) return tokenFindings(password, connect);
  const [leaf] = certificates;
  if (leaf === undefined) return [['no-credentials', 'neither a password nor a client certificate']];
  if (registrationId === null || foldRegistrationId(leaf.commonName ?? '') === foldRegistrationId(registrationId))
    return [];
  return [['certificate-name', `common name ${leaf.commonName ?? 'absent'}, registration ID ${registrationId}`]];
}

function tokenFindings(
  token: Extract<ConnectStep['password'], { kind: 'token' }>,
  { idScope, registrationId }: ConnectStep,
): readonly Seen[] {
  const { resource, validForMs, policyName, isEncoded } = token;
  const seen: Seen[] = [];
  if (idScope !== null && registrationId !== null) {
    const expected = registrationResource(idScope, registrationId);
    if (resource.toLowerCase() !== expected.toLowerCase()) seen.push(['token-resource', `sr=${resource}`]);
  }
  const secondsLeft = validForMs / 1_000;
  if (secondsLeft < 0) seen.push(['token-expired', `a token that expired ${Math.ceil(-secondsLeft)} s ago`]);
  if (validForMs > TOKEN_LIFETIME_MAX_MS) {
    seen.push(['token-lifetime', `a token for ${Math.floor(secondsLeft / 86_400)} days`]);
  }
  // The Java SDK sends an empty one.
  if (policyName !== null && policyName !== '' && policyName !== 'registration') {
    seen.push(['token-policy', `skn=${policyName}`]);
  }
  if (!isEncoded) seen.push(['token-encoding', 'a signature with + or / in it']);
  return seen;
}
