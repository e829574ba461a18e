import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { deriveDeviceKey } from '../../../src/dps/device-key.ts';
import { buildSasToken, signedToken } from '../../../src/dps/sas-token.ts';
import type { EmulatorOptions } from '../../../src/emulator/emulator.ts';
import { GROUP_KEY, ID_SCOPE } from '../../support/emulated-instance.ts';
import { connectionOf } from '../../support/service-sdk.ts';
import type { FactBench, FactEmulator } from './fact-bench.ts';

export type HttpsAnswer = {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: what a body holds is what the facts are about
  readonly body: any;
};

/** Ports of HTTPS that the emulator has, or may have one day. */
type Ports = { readonly deviceApiPort?: number | null; readonly servicePort?: number | null };

export type HttpsRequest = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly tls?: RequestOptions;
};

/** @throws if the emulator does not serve this API */
async function ask(
  emulator: FactEmulator,
  api: keyof Ports,
  { method = 'GET', path, headers, body = '', tls }: HttpsRequest,
): Promise<HttpsAnswer> {
  const port = (emulator as Ports)[api];
  if (port === undefined || port === null) throw new Error(`the emulator has no ${api}`);
  const asked = request({
    host: 'localhost',
    port,
    ca: emulator.caPem,
    method,
    path,
    headers: { ...headers },
    agent: false,
    ...tls,
  });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const text = (await response.setEncoding('utf8').toArray()).join('');
  const isJson = response.headers['content-type']?.includes('application/json') ?? false;
  return { status: response.statusCode, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

export type DeviceRequest = Partial<HttpsRequest> & {
  readonly id: string;
  readonly key?: string;
  /** Below `/{idScope}/registrations/{id}`. */
  readonly call?: string;
  readonly at?: Partial<EmulatorOptions>;
};

const JSON_UTF8 = { 'content-type': 'application/json; charset=utf-8' };

/** A call of the device API, by default a register request. */
export async function deviceApi(bench: FactBench, options: DeviceRequest): Promise<HttpsAnswer> {
  const { id, key = deriveDeviceKey(GROUP_KEY, id), call = '/register', at = {} } = options;
  const authorization = buildSasToken(ID_SCOPE, id, key, 4_000_000_000);
  const path = options.path ?? `/${ID_SCOPE}/registrations/${encodeURIComponent(id)}${call}?api-version=2021-06-01`;
  const body = options.body ?? JSON.stringify({ registrationId: id });
  const headers = { authorization, ...JSON_UTF8, ...options.headers };
  return ask(await bench.emulator(at), 'deviceApiPort', { method: 'PUT', ...options, headers, path, body });
}

/** An emulator that serves the service API. */
export const SERVICE: Partial<EmulatorOptions> = { servicePort: 0 };

/** A call of the service API. */
export async function serviceApi(
  bench: FactBench,
  method: string,
  path: string,
  body: object | null = null,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpsAnswer> {
  return serviceApiAt(SERVICE, bench, { method, path, body: body === null ? '' : JSON.stringify(body), headers });
}

export async function serviceApiAt(
  at: Partial<EmulatorOptions>,
  bench: FactBench,
  { path, headers, ...request }: HttpsRequest,
): Promise<HttpsAnswer> {
  const emulator = await bench.emulator(at);
  const { policyName, key } = connectionOf(emulator);
  const authorization = signedToken('localhost', key, 4_000_000_000, policyName);
  const all = { authorization, ...JSON_UTF8, ...headers };
  return ask(emulator, 'servicePort', { ...request, path: `${path}?api-version=2021-10-01`, headers: all });
}
