import type { ServiceReply } from './https-exchange.ts';

type Details = {
  /** `null` = no answer. */
  readonly status: number | null;
  /** HTTP status × 1000 + sub-code; `null` = not given. */
  readonly errorCode: number | null;
  /** `null` = not given. */
  readonly retryAfterMs: number | null;
  /** The service may have carried the request out all the same, at this try or an earlier one. */
  readonly mayRepeat: boolean;
  /** Another try may succeed. */
  readonly isTransient: boolean;
};

/** Another try may succeed after these; every other answer is final. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Longer texts are not from the service. */
const MESSAGE_CHARACTERS_MAX = 300;

/** A request that the service refused, or that was not answered. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number | null;
  readonly errorCode: number | null;
  readonly retryAfterMs: number | null;
  readonly mayRepeat: boolean;
  readonly isTransient: boolean;

  constructor(message: string, { status, errorCode, retryAfterMs, mayRepeat, isTransient }: Details) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
    this.retryAfterMs = retryAfterMs;
    this.mayRepeat = mayRepeat;
    this.isTransient = isTransient;
  }

  /**
   * The error of an answer: `{"errorCode":409000,"trackingId":"…","message":"…"}`; a hub's has `Message`.
   *
   * @param mayRepeat whether an earlier try may have been carried out
   */
  static of({ status, headers, text }: ServiceReply, mayRepeat: boolean): ServiceError {
    const body = jsonObject(text);
    const code = body['errorCode'];
    const said = body['message'] ?? body['Message'];
    // What follows ends the sentence.
    const message = typeof said === 'string' ? said.replace(/[\s.]+$/, '') : `the service answered ${status}`;
    const trackingId = typeof body['trackingId'] === 'string' ? ` (tracking ID ${body['trackingId']})` : '';
    const seconds = /^\d{1,6}$/.exec(String(headers['retry-after'] ?? ''));
    return new ServiceError(`${printable(message)}${printable(trackingId)}`, {
      status,
      errorCode: typeof code === 'number' ? code : null,
      retryAfterMs: seconds === null ? null : Number(seconds[0]) * 1_000,
      // A throttled request was not carried out; one that was answered with a server error may have been.
      mayRepeat: mayRepeat || status === 408 || status >= 500,
      isTransient: TRANSIENT.has(status),
    });
  }
}

/** Errors before anything was sent. */
const UNSENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Errors of the server's certificate, which another try does not change. Nothing was sent either. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/;

/** The error of a try without an answer. @param mayRepeat whether an earlier try may have been carried out */
export function lostAnswer(error: Error, mayRepeat: boolean): ServiceError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const isUntrusted = UNTRUSTED.test(code);
  const message = isUntrusted ? `the certificate of the server is not trusted: ${error.message}` : error.message;
  return new ServiceError(message, {
    status: null,
    errorCode: null,
    retryAfterMs: null,
    mayRepeat: mayRepeat || !(isUntrusted || UNSENT.has(code)),
    isTransient: !isUntrusted,
  });
}

function printable(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').slice(0, MESSAGE_CHARACTERS_MAX);
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
