import { signedToken } from '../dps/sas-token.ts';
import { SERVICE_API_VERSION } from '../dps/service-api.ts';
import type { ServiceConnection } from '../dps/service-connection.ts';
import { messageOf } from '../problem/operator-error.ts';
import { type Clock, pause } from '../time/clock.ts';
import type { Exchange, ServiceReply, ServiceRequest } from './https-exchange.ts';
import { RequestPace } from './request-pace.ts';
import { ServiceError } from './service-error.ts';

export type ServiceRequestsOptions = {
  readonly connection: ServiceConnection;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly operationsPerMinute: number;
  /** In [0, 1), for the jitter of pauses. */
  readonly nextRandom: () => number;
  readonly userAgent: string;
};

export type Answered = ServiceReply & {
  /** The service may have carried out an earlier try whose answer was lost: what it created then exists already now. */
  readonly mayRepeat: boolean;
};

/** Tries of one request. With the pauses between them, they span a failover of two minutes. */
const TRIES_MAX = 10;
const RETRY_DELAY_BASE_MS = 500;
const RETRY_DELAY_MAX_MS = 30_000;
/** A longer retry-after is not believed. */
const RETRY_AFTER_MAX_MS = 5 * 60_000;

/** As in Microsoft's SDKs. A token is made once in half its life. */
const TOKEN_LIFE_MS = 60 * 60_000;

/** Tries again after these; every other answer is final. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Requests of the service API: signed, paced, and tried again after throttling, server errors and lost connections. */
export class ServiceRequests {
  readonly #options: ServiceRequestsOptions;
  readonly #pace: RequestPace;
  #token: { readonly text: string; readonly renewAtMs: number } | null = null;
  /** Answers with 429, and other tries that failed. */
  readonly troubles = { throttled: 0, failed: 0 };

  constructor(options: ServiceRequestsOptions) {
    this.#options = options;
    this.#pace = new RequestPace(options.clock, options.operationsPerMinute);
  }

  /** @throws ServiceError when the service refuses, or when the last try failed */
  async send(request: Omit<ServiceRequest, 'headers'>, headers: Readonly<Record<string, string>>): Promise<Answered> {
    let mayRepeat = false;
    for (let tries = 1; ; tries++) {
      await this.#pace.turn();
      const reply = await this.#tryOnce(request, headers);
      if (!(reply instanceof Error) && reply.status < 300) return { ...reply, mayRepeat };
      const error = reply instanceof Error ? lostAnswer(reply) : ServiceError.of(reply, mayRepeat);
      if (!isTransient(error) || tries === TRIES_MAX) throw error;
      // A throttled request was not carried out; one that was answered with 5xx, or not at all, may have been.
      if (error.status !== 429) mayRepeat = true;
      this.troubles[error.status === 429 ? 'throttled' : 'failed'] += 1;
      await pause(this.#options.clock, this.#delayMs(tries, error));
    }
  }

  async #tryOnce(
    { method, path, body }: Omit<ServiceRequest, 'headers'>,
    headers: Readonly<Record<string, string>>,
  ): Promise<ServiceReply | Error> {
    const { exchange, userAgent } = this.#options;
    const own = { authorization: this.#authorization(), accept: 'application/json', 'user-agent': userAgent };
    const type = body === null ? {} : { 'content-type': 'application/json; charset=utf-8' };
    const version = `${path.includes('?') ? '&' : '?'}api-version=${SERVICE_API_VERSION}`;
    try {
      return await exchange({ method, path: `${path}${version}`, body, headers: { ...own, ...type, ...headers } });
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  #authorization(): string {
    const { clock, connection } = this.#options;
    const nowMs = clock.epochMs();
    if (this.#token === null || nowMs >= this.#token.renewAtMs) {
      const { hostName, policyName, key } = connection;
      const resource = hostName.replace(/:\d+$/, '').toLowerCase();
      const text = signedToken(resource, key, Math.floor((nowMs + TOKEN_LIFE_MS) / 1_000), policyName);
      this.#token = { text, renewAtMs: nowMs + TOKEN_LIFE_MS / 2 };
    }
    return this.#token.text;
  }

  /** What the service asks for, or an exponential backoff with jitter. */
  #delayMs(tries: number, { retryAfterMs }: ServiceError): number {
    const ceilingMs = Math.min(RETRY_DELAY_MAX_MS, RETRY_DELAY_BASE_MS * 2 ** tries);
    const backoffMs = RETRY_DELAY_BASE_MS + this.#options.nextRandom() * (ceilingMs - RETRY_DELAY_BASE_MS);
    return Math.max(backoffMs, Math.min(RETRY_AFTER_MAX_MS, retryAfterMs ?? 0));
  }
}

function isTransient({ status }: ServiceError): boolean {
  return status === null || TRANSIENT.has(status);
}

function lostAnswer(error: Error): ServiceError {
  return new ServiceError(error.message, { status: null, errorCode: null, retryAfterMs: null, mayRepeat: true });
}
