import { createHmac, timingSafeEqual } from 'node:crypto';
import { percentDecoded } from './percent-encoding.ts';

/*
 * SharedAccessSignature sr={resource}&sig={sig}&se={expiry}[&skn=registration]
 *
 * resource (decoded) = {idScope}/registrations/{registrationId}, or at a hub {hub}/devices/{deviceId} without skn
 * string to sign     = {sr exactly as written in the token} + "\n" + {se}
 * sig                = urlEncode(base64(HMAC-SHA256(base64Decode(deviceKey), string to sign)))
 * se                 = expiry, whole seconds since 1970-01-01 UTC
 *
 * The service API has the same form: the resource is the host name of the instance, the key is that of a shared access policy, and skn names
 * the policy.
 */

const SCHEME = 'SharedAccessSignature ';

/** A parsed token. `resourceRaw` is the undecoded text between `sr=` and the next `&`, which is what was signed. */
export type SasToken = {
  readonly resourceRaw: string;
  readonly resource: string;
  readonly signature: string;
  readonly expiryEpochSeconds: number;
  /** The member skn: `registration`, or the shared access policy; `null` = absent. */
  readonly policyName: string | null;
};

/** The audience of a device's token: `{idScope}/registrations/{registrationId}`. */
export function registrationResource(idScope: string, registrationId: string): string {
  return `${idScope}/registrations/${registrationId}`;
}

/** The audience of a device's token at its hub: `{hub}/devices/{deviceId}`. */
export function hubResource(hub: string, deviceId: string): string {
  return `${hub}/devices/${deviceId}`;
}

/** Builds a token for a hub, with which a device connects there. */
export function buildHubSasToken(hub: string, deviceId: string, deviceKey: string, expiryEpochSeconds: number): string {
  return signedToken(hubResource(hub, deviceId), deviceKey, expiryEpochSeconds, null);
}

/** Builds a token in the C SDK's form: percent-encoded resource, members in the order sr, sig, se, skn. */
export function buildSasToken(
  idScope: string,
  registrationId: string,
  deviceKey: string,
  expiryEpochSeconds: number,
): string {
  return signedToken(registrationResource(idScope, registrationId), deviceKey, expiryEpochSeconds, 'registration');
}

/** A token for any resource. @param policyName the member skn; `null` = without */
export function signedToken(
  resource: string,
  key: string,
  expiryEpochSeconds: number,
  policyName: string | null,
): string {
  const resourceRaw = encodeURIComponent(resource);
  const signature = encodeURIComponent(sign(resourceRaw, expiryEpochSeconds, key));
  const policy = policyName === null ? '' : `&skn=${policyName}`;
  return `${SCHEME}sr=${resourceRaw}&sig=${signature}&se=${expiryEpochSeconds}${policy}`;
}

/** Parses a token with members in any order; `null` when malformed. */
export function parseSasToken(text: string): SasToken | null {
  if (!text.startsWith(SCHEME)) return null;
  const members = new Map<string, string>();
  for (const member of text.slice(SCHEME.length).split('&')) {
    const equals = member.indexOf('=');
    if (equals < 0 || members.has(member.slice(0, equals))) return null;
    members.set(member.slice(0, equals), member.slice(equals + 1));
  }
  const resourceRaw = members.get('sr');
  const signatureRaw = members.get('sig');
  const expiry = members.get('se');
  if (!resourceRaw || !signatureRaw || !expiry || !/^\d{1,15}$/.test(expiry)) return null;
  const resource = percentDecoded(resourceRaw);
  // To the service an unencoded + is a blank: a classic defect of clients.
  const signature = percentDecoded(signatureRaw.replaceAll('+', ' '));
  if (resource === null || signature === null) return null;
  return {
    resourceRaw,
    resource,
    signature,
    expiryEpochSeconds: Number(expiry),
    policyName: members.get('skn') ?? null,
  };
}

/** Returns whether the token was signed with `deviceKey`. */
export function isSignedWith(token: SasToken, deviceKey: string): boolean {
  const expected = Buffer.from(sign(token.resourceRaw, token.expiryEpochSeconds, deviceKey));
  const actual = Buffer.from(token.signature);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function sign(resourceRaw: string, expiryEpochSeconds: number, deviceKey: string): string {
  return createHmac('sha256', Buffer.from(deviceKey, 'base64'))
    .update(`${resourceRaw}\n${expiryEpochSeconds}`, 'utf8')
    .digest('base64');
}
