import { parseSasToken } from '../../dps/sas-token.ts';
import { cut, withoutKeys, withoutSecrets } from './bounded-text.ts';
import type { ConnectStep, KeptPassword, PublishStep } from './conversation.ts';

/** The longest topic of a device that means well has 200 characters, plus its request ID. */
const TOPIC_CHARACTERS_MAX = 512;
/** A user name has a registration ID of 128 characters and a user agent. */
const USERNAME_CHARACTERS_MAX = 512;
/** The longest registration ID has 128 characters. */
const ID_CHARACTERS_MAX = 150;
/** An answer has about 500 characters, without custom data of a webhook. */
const PAYLOAD_CHARACTERS_MAX = 2_048;
/** A device needs one. */
const FILTERS_MAX = 10;

export function keptId(text: string): string {
  return cut(text, ID_CHARACTERS_MAX);
}

export function keptTopic(text: string): string {
  return cut(text, TOPIC_CHARACTERS_MAX);
}

export function keptNote(text: string): string {
  return cut(withoutSecrets(text), TOPIC_CHARACTERS_MAX);
}

export function keptFilters<T>(filters: readonly T[], keep: (filter: T) => T): readonly T[] {
  return filters.slice(0, FILTERS_MAX).map(keep);
}

export function keptPayload(payload: Buffer): Pick<PublishStep, 'payload' | 'payloadBytes'> {
  const text = payload.toString('utf8', 0, PAYLOAD_CHARACTERS_MAX);
  const isCut = payload.length > PAYLOAD_CHARACTERS_MAX;
  return { payload: withoutSecrets(isCut ? `${text}…` : text), payloadBytes: payload.length };
}

type ConnectFields = Pick<ConnectStep, 'protocol' | 'clientId' | 'keepAliveSeconds' | 'cleanSession' | 'hasWill'> & {
  readonly username: string | null;
  readonly password: string | null;
};

export function keptConnect(packet: ConnectFields, atMs: number): ConnectStep {
  const { protocol, clientId, username, password, keepAliveSeconds, cleanSession, hasWill } = packet;
  return {
    from: 'device',
    type: 'connect',
    atMs,
    protocol,
    clientId: keptId(clientId),
    ...keptUsername(username),
    password: keptPassword(password),
    keepAliveSeconds,
    cleanSession,
    hasWill,
  };
}

type Identity = Pick<ConnectStep, 'username' | 'idScope' | 'registrationId' | 'apiVersion' | 'userAgent'>;

const USERNAME = /^([^/]+)\/registrations\/([^/]+)\/(.*)$/;

/** `DeviceClientType` is what nanoFramework writes instead of `ClientVersion`. */
function keptUsername(username: string | null): Identity {
  const match = USERNAME.exec(username ?? '');
  if (username === null || match === null) {
    const kept = username === null ? null : cut(withoutKeys(username), USERNAME_CHARACTERS_MAX);
    return { username: kept, idScope: null, registrationId: null, apiVersion: null, userAgent: null };
  }
  const [, idScope = '', registrationId = '', query = ''] = match;
  const members = new Map(query.split('&').map((member) => [nameOf(member), member.slice(nameOf(member).length + 1)]));
  const userAgent = members.get('ClientVersion') || members.get('DeviceClientType') || null;
  return {
    username: cut(withoutSecrets(username), USERNAME_CHARACTERS_MAX),
    idScope: keptId(idScope),
    registrationId: keptId(registrationId),
    apiVersion: members.get('api-version') ? keptId(members.get('api-version') ?? '') : null,
    userAgent: userAgent === null ? null : cut(decoded(withoutSecrets(userAgent)), USERNAME_CHARACTERS_MAX),
  };
}

function keptPassword(password: string | null): KeptPassword | null {
  if (!password) return null;
  const token = parseSasToken(password);
  if (token === null) return { kind: 'other' };
  const members = new Map(
    password.split(/[ &]/).map((member) => [nameOf(member), member.slice(nameOf(member).length + 1)]),
  );
  const policyName = members.get('skn');
  return {
    kind: 'token',
    resource: cut(withoutSecrets(token.resource), TOPIC_CHARACTERS_MAX),
    expiresAtMs: token.expiryEpochSeconds * 1_000,
    policyName: policyName === undefined ? null : keptId(withoutKeys(policyName)),
    isEncoded: !/[+/]/.test(members.get('sig') ?? ''),
  };
}

/** Of `name=value`. */
function nameOf(member: string): string {
  return member.split('=', 1)[0] ?? '';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
