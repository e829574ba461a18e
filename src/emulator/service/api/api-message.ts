import type { ErrorBody } from '../../../dps/payloads.ts';
import { utcTimestamp } from '../answer.ts';

/** An HTTP request for the service API. */
export type ApiRequest = {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** By name in lower case. */
  readonly headers: ApiHeaders;
  /** Empty = none. */
  readonly body: string;
};

export type ApiHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export type ApiAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text; empty = none. */
  readonly body: string;
  /** Why the request was refused, for the log; `null` = it was not. */
  readonly refusal: string | null;
};

/** Error codes: HTTP status × 1000 + sub-code. Sub-codes other than 0 were seen; which of the two of 404 is which rests on weak evidence. */
export const API_ERRORS = {
  badRequest: 400_000,
  policyMissing: 400_004,
  unreadable: 400_012,
  unauthorized: 401_000,
  forbidden: 403_000,
  noSuchResource: 404_000,
  registrationNotFound: 404_201,
  enrollmentNotFound: 404_202,
  methodNotAllowed: 405_000,
  alreadyExists: 409_000,
  etagMismatch: 412_000,
  bodyTooLarge: 413_000,
  unsupportedBody: 415_000,
  throttled: 429_001,
  internal: 500_000,
} as const;

/** Ends the handling of a request with an error answer. The message is for the client and for the log: it quotes no secret. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly errorCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(errorCode: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.errorCode = errorCode;
    this.headers = headers;
  }
}

/** 200 with a body, or 204 without one. */
export function success(body: object | null, headers: Readonly<Record<string, string>> = {}): ApiAnswer {
  if (body === null) return { status: 204, headers, body: '', refusal: null };
  return { status: 200, headers, body: JSON.stringify(body), refusal: null };
}

export function refusalAnswer(
  { errorCode, message, headers }: ApiRefusal,
  trackingId: string,
  nowMs: number,
): ApiAnswer {
  const body: ErrorBody = { errorCode, trackingId, message, timestampUtc: utcTimestamp(nowMs) };
  return {
    status: Math.floor(errorCode / 1000),
    headers: { 'x-ms-error-code': String(errorCode), ...headers },
    body: JSON.stringify(body),
    refusal: message,
  };
}

/** A header that must not be repeated; `null` = it is absent. */
export function headerOf(headers: ApiHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}
