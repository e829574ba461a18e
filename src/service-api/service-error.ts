import type { ServiceReply } from './https-exchange.ts';

type Details = {
  /** `null` = no answer. */
  readonly status: number | null;
  /** HTTP status × 1000 + sub-code; `null` = not given. */
  readonly errorCode: number | null;
  /** `null` = not given. */
  readonly retryAfterMs: number | null;
  /** An earlier try of the same request may have been carried out. */
  readonly mayRepeat: boolean;
};

/** Longer texts are not from the service. */
const MESSAGE_CHARACTERS_MAX = 300;

/** A request that the service refused, or that was not answered. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number | null;
  readonly errorCode: number | null;
  readonly retryAfterMs: number | null;
  readonly mayRepeat: boolean;

  constructor(message: string, { status, errorCode, retryAfterMs, mayRepeat }: Details) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
    this.retryAfterMs = retryAfterMs;
    this.mayRepeat = mayRepeat;
  }

  /** The error of an answer: `{"errorCode":409000,"trackingId":"…","message":"…"}`; a hub's has `Message`. */
  static of({ status, headers, text }: ServiceReply, mayRepeat: boolean): ServiceError {
    const body = jsonObject(text);
    const code = body['errorCode'];
    const said = body['message'] ?? body['Message'];
    const message = typeof said === 'string' ? said : `the service answered ${status}`;
    const trackingId = typeof body['trackingId'] === 'string' ? ` (tracking ID ${body['trackingId']})` : '';
    const seconds = /^\d{1,6}$/.exec(String(headers['retry-after'] ?? ''));
    return new ServiceError(`${printable(message)}${printable(trackingId)}`, {
      status,
      errorCode: typeof code === 'number' ? code : null,
      retryAfterMs: seconds === null ? null : Number(seconds[0]) * 1_000,
      mayRepeat,
    });
  }
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
