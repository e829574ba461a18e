/*
 * clientId = {registrationId}
 * username = {idScope}/registrations/{registrationId}/api-version={version}[&ClientVersion={urlEncoded user agent}]
 */

export type ConnectIdentity = {
  readonly idScope: string;
  readonly registrationId: string;
  readonly apiVersion: string;
};

/** The user name of the CONNECT packet. `userAgent` goes into `ClientVersion`, percent-encoded. */
export function connectUsername(identity: ConnectIdentity, userAgent: string): string {
  const { idScope, registrationId, apiVersion } = identity;
  return `${idScope}/registrations/${registrationId}/api-version=${apiVersion}&ClientVersion=${encodeURIComponent(userAgent)}`;
}

/** Takes a user name apart; unknown members are ignored, `api-version` is required. `null` when it is malformed. */
export function parseConnectUsername(username: string): ConnectIdentity | null {
  const match = /^([^/]+)\/registrations\/([^/]+)\/(.*)$/.exec(username);
  if (!match) return null;
  const [, idScope = '', registrationId = '', members = ''] = match;
  const apiVersion = members
    .split('&')
    .find((member) => member.startsWith('api-version='))
    ?.slice('api-version='.length);
  if (!apiVersion) return null;
  return { idScope, registrationId, apiVersion };
}
