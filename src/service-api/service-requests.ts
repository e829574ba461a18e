import { signedToken } from '../dps/sas-token.ts';
import { SERVICE_API_VERSION } from '../dps/service-api.ts';
import { type ServiceConnection, serviceEndpoint } from '../dps/service-connection.ts';
import { messageOf } from '../problem/operator-error.ts';
import { type Clock, pause } from '../time/clock.ts';
import type { Exchange, ServiceReply, ServiceRequest } from './https-exchange.ts';
import { RequestPace } from './request-pace.ts';
import { lostAnswer, ServiceError } from './service-error.ts';

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

/** Tries of one request. With the pauses between them, they span at least two minutes, in which a service fails over. */
const TRIES_MAX = 13;
/** Until anything has answered, the target may be the wrong one: who waits at the terminal should soon know. */
const FIRST_TRIES_MAX = 4;
const RETRY_DELAY_BASE_MS = 500;
const RETRY_DELAY_MAX_MS = 30_000;
/** A longer retry-after is not believed. */
const RETRY_AFTER_MAX_MS = 5 * 60_000;

/** As in Microsoft's SDKs. A token is made once in half its life. */
const TOKEN_LIFE_MS = 60 * 60_000;

/** Requests of the service API: signed, paced, and tried again after throttling, server errors and lost connections. */
export class ServiceRequests {
  readonly #options: ServiceRequestsOptions;
  readonly #pace: RequestPace;
  #token: { readonly text: string; readonly renewAtMs: number } | null = null;
  #isAnswered = false;
  /** Tries that were answered with 429, and others that failed in a way that may pass. */
  readonly troubles = { throttled: 0, failed: 0 };
  /** What the clock of the service showed when it last answered, in whole seconds; `null` = it never told. */
  serviceEpochMs: number | null = null;

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
      if (!(reply instanceof Error)) this.#hear(reply);
      if (!(reply instanceof Error) && reply.status < 300) return { ...reply, mayRepeat };
      const error: ServiceError =
        reply instanceof Error ? lostAnswer(reply, mayRepeat) : ServiceError.of(reply, mayRepeat);
      if (error.isTransient) this.troubles[error.status === 429 ? 'throttled' : 'failed'] += 1;
      if (!error.isTransient || tries === (this.#isAnswered ? TRIES_MAX : FIRST_TRIES_MAX)) throw error;
      mayRepeat = error.mayRepeat;
      const delayMs = this.#delayMs(tries, error);
      // The quota is one for all requests.
      if (error.status === 429) this.#pace.hold(delayMs);
      else await pause(this.#options.clock, delayMs);
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

  #hear({ headers }: ServiceReply): void {
    this.#isAnswered = true;
    const epochMs = Date.parse(String(headers['date'] ?? ''));
    if (!Number.isNaN(epochMs)) this.serviceEpochMs = epochMs;
  }

  #authorization(): string {
    const { clock, connection } = this.#options;
    const nowMs = clock.epochMs();
    if (this.#token === null || nowMs >= this.#token.renewAtMs) {
      const { policyName, key } = connection;
      const text = signedToken(
        serviceEndpoint(connection).host,
        key,
        Math.floor((nowMs + TOKEN_LIFE_MS) / 1_000),
        policyName,
      );
      this.#token = { text, renewAtMs: nowMs + TOKEN_LIFE_MS / 2 };
    }
    return this.#token.text;
  }

  /** What the service asks for, or an exponential backoff, of which half is jitter. */
  #delayMs(tries: number, { retryAfterMs }: ServiceError): number {
    const ceilingMs = Math.min(RETRY_DELAY_MAX_MS, RETRY_DELAY_BASE_MS * 2 ** tries);
    const backoffMs = (ceilingMs / 2) * (1 + this.#options.nextRandom());
    return Math.max(backoffMs, Math.min(RETRY_AFTER_MAX_MS, retryAfterMs ?? 0));
  }
}
