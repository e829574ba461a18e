/*
 * clientId = {registrationId}
 * username = {idScope}/registrations/{registrationId}/api-version={version}[&ClientVersion={urlEncoded user agent}]
 */

export type ConnectIdentity = {
  readonly idScope: string;
  readonly registrationId: string;
  readonly apiVersion: string;
};

/** The user name of the CONNECT packet, with `userAgent` percent-encoded in `ClientVersion`. */
export function connectUsername(identity: ConnectIdentity, userAgent: string): string {
  const { idScope, registrationId, apiVersion } = identity;
  return `${idScope}/registrations/${registrationId}/api-version=${apiVersion}&ClientVersion=${encodeURIComponent(userAgent)}`;
}

/** Parses a user name. Ignores unknown members and requires `api-version`; returns `null` when malformed. */
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
