import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback } from '../../dps/loopback.ts';
import { percentDecoded } from '../../dps/percent-encoding.ts';
import { messageOf } from '../../problem/operator-error.ts';
import { keptText } from '../service/kept-text.ts';
import { type Asked, type ControlSource, type Route, sendError } from './control-route.ts';
import { CONVERSATION_ROUTES } from './conversation-routes.ts';
import { HUB_ROUTES } from './hub-routes.ts';
import { RECORD_ROUTES } from './record-routes.ts';
import { RUNNING_ROUTES } from './running-routes.ts';
import { isEveryAddress, type Listener, listen } from './tls-listener.ts';

/** Everything that the control port offers. `?idScope=…` selects the instance; the default is the first one. */
const ROUTES: readonly Route[] = [...RUNNING_ROUTES, ...RECORD_ROUTES, ...CONVERSATION_ROUTES, ...HUB_ROUTES];

/** Of a request that changes something: far more than a configuration without enrollments needs. */
const BODY_BYTES_MAX = 1_000_000;

/** Serves records and control over plain HTTP, for people and tests on this machine. */
export async function listenControl(host: string, port: number, source: ControlSource): Promise<Listener> {
  const { httpTimeoutMs } = source.limits;
  const isOpenToAddresses = isEveryAddress(host);
  const names = new Set(source.hostNames.map((name) => name.toLowerCase()));
  const server = createServer({ headersTimeout: httpTimeoutMs, requestTimeout: httpTimeoutMs }, (request, response) => {
    const name = hostNameIn(request.headers.host ?? '');
    const isOwn = isLoopback(name) || names.has(name) || (isOpenToAddresses && isIP(name) > 0);
    void answer(request, response, source, isOwn);
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

/**
 * @param isOwn whether the Host header names this server. Otherwise, the request may come from a web page that had the name
 *   of its own server resolve to this one (DNS rebinding), and would read everything.
 */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  source: ControlSource,
  isOwn: boolean,
): Promise<void> {
  // Not `new URL`, which throws for targets such as //.
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const idScope = new URLSearchParams(query).get('idScope') ?? firstScope(source);
  const segments = path.split('/').map((segment) => percentDecoded(segment) ?? segment);
  const found = ROUTES.flatMap((route) => {
    const ids = idsIn(route, segments);
    return ids === null ? [] : [{ route, ids }];
  });
  const chosen = found.find(({ route }) => route.method === request.method);
  const ids = chosen?.ids ?? [];
  const asked = { request, response, source, idScope, id: ids[0] ?? '', ids, nowMs: source.serviceTimeMs() };
  if (!isOwn) refuseHost(asked);
  else if (found.length === 0) sendError(asked, 404_000, 'No such resource.');
  else if (chosen === undefined) refuseMethod(asked, found.map(({ route }) => route.method).join(', '));
  else if (chosen.route.kind === 'read') chosen.route.respond(asked);
  else {
    await change(asked, chosen.route.respond);
    return;
  }
  request.resume();
}

function firstScope({ service }: ControlSource): string {
  const [first] = service.instances;
  return first?.idScope ?? '';
}

/** What the path has in place of each `:id`; `null` = it is not a path of the route. */
function idsIn({ path }: Route, segments: readonly string[]): readonly string[] | null {
  const wanted = path.split('/');
  if (wanted.length !== segments.length) return null;
  const fits = wanted.every((name, index) => (name === ':id' ? segments[index] !== '' : segments[index] === name));
  return fits ? segments.filter((_, index) => wanted[index] === ':id') : null;
}

function refuseHost(asked: Asked): void {
  const host = JSON.stringify(keptText(asked.request.headers.host ?? ''));
  const reason = `The Host header ${host} does not name this server. Use localhost, or pass the name with --server-name.`;
  asked.source.log(`HTTP 403: ${reason}`);
  sendError(asked, 403_000, reason);
}

function refuseMethod(asked: Asked, allowed: string): void {
  asked.response.setHeader('allow', allowed);
  sendError(asked, 405_000, `This resource has ${allowed} only.`);
}

/** Changes only what a program on this machine wants changed: a web page cannot send this type to another server without asking it. */
async function change(asked: Asked, respond: (asked: Asked, body: string) => void | Promise<void>): Promise<void> {
  const { request, source } = asked;
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const refused = !isLoopback(address) || type !== 'application/json';
  const body = refused ? null : await bodyOf(request);
  if (refused) request.resume();
  try {
    if (!isLoopback(address)) sendError(asked, 403_000, 'Only programs on the machine of the emulator may change it.');
    else if (refused) sendError(asked, 415_000, 'Send the content type application/json.');
    else if (body === null) sendError(asked, 413_000, `The body is longer than ${BODY_BYTES_MAX} bytes.`);
    else await respond(asked, body);
  } catch (error) {
    source.log(`HTTP 500: ${request.method} ${keptText(request.url ?? '')}: ${messageOf(error)}`);
    sendError(asked, 500_000, messageOf(error));
  }
}

/** `null` = it is too long, or was cut off. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return bytes > BODY_BYTES_MAX ? null : Buffer.concat(chunks).toString();
}
