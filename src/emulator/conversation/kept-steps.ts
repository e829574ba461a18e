import { percentDecoded } from '../../dps/percent-encoding.ts';
import { parseSasToken } from '../../dps/sas-token.ts';
import { copied, cut, withoutKeys, withoutSecrets } from './bounded-text.ts';
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

/** Of a certificate; `null` = it has none. */
export function keptName(text: string | null): string | null {
  return text === null ? null : copied(keptId(text));
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

/** @param epochMs the real time, which counts for tokens */
export function keptConnect(packet: ConnectFields, atMs: number, epochMs: number): ConnectStep {
  const { protocol, clientId, username, password, keepAliveSeconds, cleanSession, hasWill } = packet;
  return {
    from: 'device',
    type: 'connect',
    atMs,
    protocol,
    clientId: keptId(clientId),
    ...keptUsername(username),
    password: keptPassword(password, epochMs),
    keepAliveSeconds,
    cleanSession,
    hasWill,
  };
}

type Identity = Pick<ConnectStep, 'username' | 'idScope' | 'registrationId' | 'apiVersion' | 'userAgent'>;

const USERNAME = /^([^/]+)\/registrations\/([^/]+)\/(.*)$/;

/** `DeviceClientType` is what nanoFramework writes instead of `ClientVersion`. */
function keptUsername(sent: string | null): Identity {
  const username = sent === null ? null : cut(sent, USERNAME_CHARACTERS_MAX);
  const match = USERNAME.exec(username ?? '');
  if (username === null || match === null) {
    const kept = username === null ? null : withoutKeys(username);
    return { username: kept, idScope: null, registrationId: null, apiVersion: null, userAgent: null };
  }
  const [, idScope = '', registrationId = '', query = ''] = match;
  const agent = valueIn(query, 'ClientVersion') || valueIn(query, 'DeviceClientType');
  const userAgent = agent && withoutSecrets(agent);
  const apiVersion = valueIn(query, 'api-version');
  return {
    username: withoutSecrets(username),
    idScope: keptId(idScope),
    registrationId: keptId(registrationId),
    apiVersion: apiVersion ? keptId(apiVersion) : null,
    userAgent: userAgent ? (percentDecoded(userAgent) ?? userAgent) : null,
  };
}

function keptPassword(password: string | null, epochMs: number): KeptPassword | null {
  if (!password) return null;
  const token = parseSasToken(password);
  if (token === null) return { kind: 'other' };
  const members = password.slice(password.indexOf(' ') + 1);
  const policyName = valueIn(members, 'skn');
  return {
    kind: 'token',
    resource: copied(cut(withoutSecrets(token.resource), TOPIC_CHARACTERS_MAX)),
    expiresAtMs: token.expiryEpochSeconds * 1_000,
    validForMs: token.expiryEpochSeconds * 1_000 - epochMs,
    policyName: policyName === null ? null : copied(keptId(withoutKeys(policyName))),
    isEncoded: !/[+/]/.test(valueIn(members, 'sig') ?? ''),
  };
}

/** From `name=value&name=value`. */
function valueIn(query: string, name: string): string | null {
  const at = `&${query}`.indexOf(`&${name}=`);
  if (at < 0) return null;
  const start = at + name.length + 1;
  const end = query.indexOf('&', start);
  return end < 0 ? query.slice(start) : query.slice(start, end);
}
