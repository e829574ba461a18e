/*
 * clientId = {deviceId}
 * username = {hub}/{deviceId}/?api-version={version}[&DeviceClientType={urlEncoded user agent}][&model-id=…]
 */

/** The newest version that the documentation of MQTT at the hubs names. */
const HUB_API_VERSION = '2021-04-12';

export type HubIdentity = {
  readonly hub: string;
  readonly deviceId: string;
  readonly apiVersion: string;
};

/** @param userAgent of the client, as the hub's diagnostics show it; absent = not told */
export function hubUsername(hub: string, deviceId: string, userAgent?: string): string {
  const clientType = userAgent === undefined ? '' : `&DeviceClientType=${encodeURIComponent(userAgent)}`;
  return `${hub}/${deviceId}/?api-version=${HUB_API_VERSION}${clientType}`;
}

/** Parses a user name, also without the question mark, as old SDKs write it. `null` = malformed, or of a module. */
export function parseHubUsername(username: string): HubIdentity | null {
  const match = /^([^/]+)\/([^/]+)\/\??(.*)$/.exec(username);
  if (!match) return null;
  const [, hub = '', deviceId = '', members = ''] = match;
  const apiVersion = members
    .split('&')
    .find((member) => member.startsWith('api-version='))
    ?.slice('api-version='.length);
  return apiVersion ? { hub, deviceId, apiVersion } : null;
}
