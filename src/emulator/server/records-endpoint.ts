import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { ErrorBody } from '../../dps/payloads.ts';
import { utcTimestamp } from '../service/answer.ts';
import { keptText } from '../service/kept-text.ts';
import type { LinkedHubs } from './emulated-hubs.ts';
import { hubsResource } from './hub-routes.ts';
import type { SessionContext } from './mqtt-session.ts';
import { isEveryAddress, type Listener, listen } from './tls-listener.ts';

/*
 * GET  /registrations/{registrationId}              the device registration state of the service API; 404 = unknown
 * POST /registrations/{enrollmentGroupId}/query     the states of a group, as an array
 *      x-ms-max-item-count: how many; x-ms-continuation: the value from the previous page
 * GET  /counters   GET /faults   and /hubs: see hub-routes.ts
 * ?idScope=… selects the instance; the default is the first one.
 */

/** Registrations per page. */
const PAGE_ITEMS_DEFAULT = 100;
const PAGE_ITEMS_MAX = 1_000;

export type RecordsSource = Pick<SessionContext, 'service' | 'faults' | 'serviceTimeMs' | 'limits' | 'log'> & {
  readonly idScope: string;
  readonly hubs: LinkedHubs;
  /** Names and addresses of this server beside those of loopback, for the check of the Host header. */
  readonly hostNames: readonly string[];
  /** For tracking IDs. */
  readonly newGuid: () => string;
};

type Asked = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly source: RecordsSource;
  readonly idScope: string;
  /** The `:id` of the path. */
  readonly id: string;
  /** What follows it. */
  readonly action: readonly string[];
  readonly nowMs: number;
};

/** By path, then by method. */
const ROUTES: ReadonlyMap<string, ReadonlyMap<string, (asked: Asked) => void>> = new Map([
  ['/registrations/:id', new Map([['GET', sendRegistration]])],
  ['/registrations/:id/query', new Map([['POST', sendPage]])],
  ['/counters', new Map([['GET', ({ response, source }: Asked) => send(response, 200, source.service.counters)]])],
  ['/hubs', new Map([['GET', sendHubs]])],
  ['/faults', new Map([['GET', ({ response, source }: Asked) => send(response, 200, source.faults.records)]])],
]);

/** Serves the registration records over plain HTTP, for people and tests on this machine. */
export async function listenRecords(host: string, port: number, source: RecordsSource): Promise<Listener> {
  const { httpTimeoutMs } = source.limits;
  const isOpenToAddresses = isEveryAddress(host);
  const names = new Set(source.hostNames.map((name) => name.toLowerCase()));
  const server = createServer({ headersTimeout: httpTimeoutMs, requestTimeout: httpTimeoutMs }, (request, response) => {
    request.resume();
    const name = hostNameIn(request.headers.host ?? '');
    const isOwn = isLoopback(name) || names.has(name) || (isOpenToAddresses && isIP(name) > 0);
    answer(request, response, source, isOwn);
  });
  // Those two timeouts begin with the first byte.
  server.timeout = httpTimeoutMs;
  const bound = await listen(server, { host, port, portFlag: '--http-port' });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: bound, close };
}

/** From `localhost:8080` or `[::1]:8080`. */
function hostNameIn(header: string): string {
  const name = header.replace(/:\d+$/, '').toLowerCase();
  return name.startsWith('[') ? name.slice(1, -1) : name;
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/**
 * @param isOwn whether the Host header names this server. Otherwise, the request may come from a web page that had the name
 *   of its own server resolve to this one (DNS rebinding), and would read everything.
 */
function answer(request: IncomingMessage, response: ServerResponse, source: RecordsSource, isOwn: boolean): void {
  // Not `new URL`, which throws for targets such as //.
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const idScope = new URLSearchParams(query).get('idScope') ?? source.idScope;
  const [, collection = '', id = '', ...action] = path.split('/').map(safeDecode);
  const asked: Asked = { request, response, source, idScope, id, action, nowMs: source.serviceTimeMs() };
  if (!isOwn) {
    const host = JSON.stringify(keptText(request.headers.host ?? ''));
    const reason = `The Host header ${host} does not name this server. Use localhost, or pass the name with --server-name.`;
    source.log(`HTTP 403: ${reason}`);
    sendError(asked, 403_000, reason);
    return;
  }
  const methods = ROUTES.get(
    collection === 'hubs' ? '/hubs' : ['', collection, ...(id === '' ? [] : [':id']), ...action].join('/'),
  );
  if (methods === undefined) {
    sendError(asked, 404_000, 'No such resource.');
    return;
  }
  const respond = methods.get(request.method ?? '');
  if (respond !== undefined) {
    respond(asked);
    return;
  }
  const allowed = [...methods.keys()].join(', ');
  response.setHeader('allow', allowed);
  sendError(asked, 405_000, `This resource has ${allowed} only.`);
}

function sendRegistration(asked: Asked): void {
  const { response, source, idScope, id, nowMs } = asked;
  const state = source.service.registration(idScope, id, nowMs);
  if (state === null) sendError(asked, 404_201, 'Registration not found.');
  else send(response, 200, state);
}

function sendHubs(asked: Asked): void {
  const { response, source, id, action } = asked;
  const resource = hubsResource(source.hubs, [id, ...action]);
  if (resource === null) sendError(asked, 404_000, 'No such hub or device.');
  else send(response, 200, resource);
}

function sendError({ response, source, nowMs }: Asked, errorCode: number, message: string): void {
  const body: ErrorBody = { errorCode, trackingId: source.newGuid(), message, timestampUtc: utcTimestamp(nowMs) };
  send(response, Math.floor(errorCode / 1000), body);
}

/** The continuation is the index of the next item. */
function sendPage({ request: { headers }, response, source, idScope, id, nowMs }: Asked): void {
  const from = wholeNumber(headers['x-ms-continuation'], 0);
  const until = from + Math.min(PAGE_ITEMS_MAX, wholeNumber(headers['x-ms-max-item-count'], PAGE_ITEMS_DEFAULT));
  const page: object[] = [];
  let place = 0;
  for (const state of source.service.registrationsOfGroup(idScope, id, nowMs)) {
    if (place === until) response.setHeader('x-ms-continuation', String(until));
    if (place >= until) break;
    if (place >= from) page.push(state());
    place += 1;
  }
  response.setHeader('x-ms-item-type', 'DeviceRegistrationState');
  send(response, 200, page);
}

function wholeNumber(header: string | readonly string[] | undefined, otherwise: number): number {
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : otherwise;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
