import { GLOBAL_HOST } from './endpoint.ts';

/*
 * HostName={dps}.azure-devices-provisioning.net;SharedAccessKeyName={policy};SharedAccessKey={base64}
 *
 * As the portal and `az iot dps connection-string show` give it. Parts may come in any order; values may contain `=`.
 */

/** How to reach the service API of one DPS instance, and as whom. */
export type ServiceConnection = {
  /** Of the instance itself ("service operations endpoint"), never the global host. */
  readonly hostName: string;
  /** The shared access policy. */
  readonly policyName: string;
  /** Base64. */
  readonly key: string;
};

const MEMBERS = ['HostName', 'SharedAccessKeyName', 'SharedAccessKey'] as const;

/** A host name, and possibly a port, which only emulators need. */
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/;

/** Reads a connection string. Returns what is wrong with it as the end of a sentence that never quotes it. */
export function parseServiceConnection(text: string): ServiceConnection | string {
  const parts = text
    .trim()
    .split(';')
    .filter((part) => part !== '');
  const members = new Map(parts.map((part) => [part.split('=', 1)[0] ?? '', part.slice(part.indexOf('=') + 1)]));
  const missing = MEMBERS.filter((name) => !members.get(name));
  if (missing.length > 0) return `has no ${missing.join(', no ')}`;
  const [hostName = '', policyName = '', key = ''] = MEMBERS.map((name) => members.get(name));
  if (!HOST_NAME.test(hostName)) return 'has a HostName that is not a host name';
  if (hostName.toLowerCase() === GLOBAL_HOST) return 'names the global host, which has no service API';
  if (/\.azure-devices\.net$/i.test(hostName)) return 'is that of an IoT hub';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key) || key.length % 4 !== 0) return 'has a SharedAccessKey that is not base64';
  return { hostName, policyName, key };
}

const HTTPS_PORT = 443;

/** Where to connect to. */
export function serviceEndpoint({ hostName }: ServiceConnection): { readonly host: string; readonly port: number } {
  const [host = '', port] = hostName.split(':');
  return { host: host.toLowerCase(), port: port === undefined ? HTTPS_PORT : Number(port) };
}

/** The connection string, which is a secret. */
export function printServiceConnection({ hostName, policyName, key }: ServiceConnection): string {
  return `HostName=${hostName};SharedAccessKeyName=${policyName};SharedAccessKey=${key}`;
}
