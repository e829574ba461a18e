import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ErrorBody } from '../../dps/payloads.ts';
import { utcTimestamp } from '../service/answer.ts';
import type { SessionContext } from './mqtt-session.ts';
import { type Listener, listen } from './tls-listener.ts';

/*
 * GET  /registrations/{registrationId}              the device registration state of the service API; 404 = unknown
 * POST /registrations/{enrollmentGroupId}/query     the states of a group, as an array
 *      x-ms-max-item-count: how many; x-ms-continuation: the value from the previous page
 * GET  /counters   GET /faults
 * ?idScope=… selects the instance; the default is the first one.
 */

/** Registrations per page. */
const PAGE_ITEMS_DEFAULT = 100;
const PAGE_ITEMS_MAX = 1_000;

export type RecordsSource = Pick<SessionContext, 'service' | 'faults' | 'serviceTimeMs'> & {
  readonly idScope: string;
  /** For tracking IDs. */
  readonly newGuid: () => string;
};

/** Serves the registration records over plain HTTP, for people and tests on this machine. */
export async function listenRecords(host: string, port: number, source: RecordsSource): Promise<Listener> {
  const server = createServer((request, response) => {
    request.resume();
    answer(request, response, source);
  });
  const bound = await listen(server, { host, port, portFlag: '--http-port' });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: bound, close };
}

function answer(request: IncomingMessage, response: ServerResponse, source: RecordsSource): void {
  // Not `new URL`, which throws for targets such as //.
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const idScope = new URLSearchParams(query).get('idScope') ?? source.idScope;
  const [, collection = '', id = '', action = ''] = path.split('/').map(safeDecode);
  const route = `${request.method} /${collection}${id === '' ? '' : '/:id'}${action === '' ? '' : `/${action}`}`;
  const { service, faults, serviceTimeMs, newGuid } = source;
  const nowMs = serviceTimeMs();
  const isRegistration = route === 'GET /registrations/:id';
  const state = isRegistration ? service.registration(idScope, id, nowMs) : null;
  const [errorCode, message] = isRegistration ? [404201, 'Registration not found.'] : [404000, 'No such resource.'];
  const refusal: ErrorBody = { errorCode, trackingId: newGuid(), message, timestampUtc: utcTimestamp(nowMs) };
  if (route === 'GET /counters') send(response, 200, service.counters);
  else if (route === 'GET /faults') send(response, 200, faults.records);
  else if (route === 'POST /registrations/:id/query')
    sendPage(request, response, service.registrationsOfGroup(idScope, id, nowMs));
  else send(response, state === null ? 404 : 200, state ?? refusal);
}

/** The continuation is the index of the next item. */
function sendPage({ headers }: IncomingMessage, response: ServerResponse, states: Iterable<() => object>): void {
  const from = wholeNumber(headers['x-ms-continuation'], 0);
  const until = from + Math.min(PAGE_ITEMS_MAX, wholeNumber(headers['x-ms-max-item-count'], PAGE_ITEMS_DEFAULT));
  const page: object[] = [];
  let place = 0;
  for (const state of states) {
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
