import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorBody } from '../../dps/payloads.ts';
import { PAGING_HEADERS } from '../../dps/service-api.ts';
import { utcTimestamp } from '../service/answer.ts';
import type { LinkedHubs } from './emulated-hubs.ts';
import type { SessionContext } from './mqtt-session.ts';

/** What can be done with a running emulator from outside. */
export type EmulatorControls = {
  reset(): void;
  advance(durationMs: number): void;
  /** Applies a part of a configuration, as JSON text. Returns what has changed. @throws OperatorError with what is wrong. */
  change(text: string): Promise<readonly string[]>;
};

/** What the control port serves. */
export type ControlSource = Pick<
  SessionContext,
  'service' | 'faults' | 'conversations' | 'openSessions' | 'serviceTimeMs' | 'limits' | 'log'
> & {
  readonly controls: EmulatorControls;
  readonly hubs: LinkedHubs;
  readonly version: string;
  /** Names and addresses of this server beside those of loopback, for the check of the Host header. */
  readonly hostNames: readonly string[];
  /** For tracking IDs. */
  readonly newGuid: () => string;
};

/** A request to a route. */
export type Asked = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly source: ControlSource;
  /** `?idScope=`; the default is the first instance. */
  readonly idScope: string;
  /** The first `:id` of the path, and all of them. */
  readonly id: string;
  readonly ids: readonly string[];
  readonly nowMs: number;
};

export type Route = {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Segments may be `:id`. */
  readonly path: string;
} & (
  | { readonly kind: 'read'; readonly respond: (asked: Asked) => void }
  /** Only for programs on this machine. `body` is JSON text. */
  | { readonly kind: 'write'; readonly respond: (asked: Asked, body: string) => void | Promise<void> }
);

export function read(method: 'GET' | 'POST', path: string, respond: (asked: Asked) => void): Route {
  return { kind: 'read', method, path, respond };
}

export function write(
  method: 'POST' | 'PATCH',
  path: string,
  respond: (asked: Asked, body: string) => void | Promise<void>,
): Route {
  return { kind: 'write', method, path, respond };
}

/** Of `x-ms-max-item-count`. */
const PAGE_ITEMS_DEFAULT = 100;
const PAGE_ITEMS_MAX = 1_000;

/** How many items a page may have. */
export function pageItems({ headers }: IncomingMessage): number {
  const asked = headers[PAGING_HEADERS.itemCountMax];
  const isNumber = typeof asked === 'string' && /^[1-9]\d{0,8}$/.test(asked);
  return isNumber ? Math.min(Number(asked), PAGE_ITEMS_MAX) : PAGE_ITEMS_DEFAULT;
}

export function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

/** @param errorCode status × 1000 + sub-code */
export function sendError({ response, source, nowMs }: Asked, errorCode: number, message: string): void {
  const body: ErrorBody = { errorCode, trackingId: source.newGuid(), message, timestampUtc: utcTimestamp(nowMs) };
  send(response, Math.floor(errorCode / 1000), body);
}
