import { z } from 'zod';
import { SERVICE_OPERATIONS_PER_MINUTE_MAX } from '../../dps/service-api.ts';
import { choice, mapping, orElse, rate, secondsOrNone } from './notation.ts';

/** Seconds that a 429 asks for by default: the lower end of what clients are advised to expect. */
const THROTTLED_RETRY_AFTER_SECONDS = 5;

/** How the real service counts requests is unknown, hence three ways. */
const algorithm = choice('token-bucket', 'fixed-window', 'sliding-window');

/** At most `limit` requests in `perMs`. */
export type RateLimit = Readonly<z.output<typeof rate>> & { readonly algorithm: z.output<typeof algorithm> };

/** Budgets of one instance. */
export const quotasSchema = mapping({
  algorithm: orElse(algorithm, 'token-bucket').describe('how requests are counted; default: token-bucket'),
  register: orElse(rate, null).describe(
    'register requests of all devices; the real service: 1000/min; default: unlimited',
  ),
  pollPerDevice: orElse(rate, null).describe('polls of one device; the real service: 5/10s; default: unlimited'),
  serviceOperations: orElse(rate, null).describe(
    `operations of the service API; the real service: ${SERVICE_OPERATIONS_PER_MINUTE_MAX}/min; default: unlimited`,
  ),
  retryAfter: orElse(
    z.union([z.literal('exact'), secondsOrNone], { error: 'must be exact, none, or whole seconds such as 5s' }),
    THROTTLED_RETRY_AFTER_SECONDS,
  ).describe('retry-after of a 429; exact = until the budget has room; default: 5s'),
}).transform(({ algorithm, register, pollPerDevice, serviceOperations, retryAfter }) => ({
  register: register && { algorithm, ...register },
  pollPerDevice: pollPerDevice && { algorithm, ...pollPerDevice },
  serviceOperations: serviceOperations && { algorithm, ...serviceOperations },
  retryAfterSeconds: retryAfter,
}));

/** `null` = unlimited, or no retry-after. */
export type Quotas = Readonly<z.output<typeof quotasSchema>>;

export const NO_QUOTAS: Quotas = Object.freeze({
  register: null,
  pollPerDevice: null,
  serviceOperations: null,
  retryAfterSeconds: null,
});

/** Whether a request is within its budget, else the retry-after of its refusal. */
export type QuotaAnswer =
  | { readonly isWithin: true }
  | { readonly isWithin: false; readonly retryAfterSeconds: number | null };

const WITHIN: QuotaAnswer = { isWithin: true };

/** How much of an instance's budgets has been used. */
export class QuotaState {
  readonly #quotas: Quotas;
  #register: RateLimiter | null = null;
  #serviceOperations: RateLimiter | null = null;
  /** By device, least recently used first. */
  readonly #polls = new Map<string, { readonly limiter: RateLimiter; usedAtMs: number }>();

  constructor(quotas: Quotas) {
    this.#quotas = quotas;
  }

  register(nowMs: number): QuotaAnswer {
    const { register } = this.#quotas;
    if (register === null) return WITHIN;
    this.#register ??= rateLimiter(register, nowMs);
    return this.#answer(this.#register(nowMs));
  }

  serviceOperation(nowMs: number): QuotaAnswer {
    const { serviceOperations } = this.#quotas;
    if (serviceOperations === null) return WITHIN;
    this.#serviceOperations ??= rateLimiter(serviceOperations, nowMs);
    return this.#answer(this.#serviceOperations(nowMs));
  }

  /** @param deviceKey Folded registration ID. */
  poll(deviceKey: string, nowMs: number): QuotaAnswer {
    const limit = this.#quotas.pollPerDevice;
    if (limit === null) return WITHIN;
    this.#forgetUnused(nowMs - limit.perMs);
    const limiter = this.#polls.get(deviceKey)?.limiter ?? rateLimiter(limit, nowMs);
    this.#polls.delete(deviceKey);
    this.#polls.set(deviceKey, { limiter, usedAtMs: nowMs });
    return this.#answer(limiter(nowMs));
  }

  /** Devices whose polls are being counted. */
  get pollingDevices(): number {
    return this.#polls.size;
  }

  #answer(waitMs: number): QuotaAnswer {
    if (waitMs === 0) return WITHIN;
    const { retryAfterSeconds: asked } = this.#quotas;
    return { isWithin: false, retryAfterSeconds: asked === 'exact' ? Math.ceil(waitMs / 1000) : asked };
  }

  /** A budget that was not used for its whole period is as good as new. */
  #forgetUnused(sinceMs: number): void {
    for (const [deviceKey, { usedAtMs }] of this.#polls) {
      if (usedAtMs > sinceMs) return;
      this.#polls.delete(deviceKey);
    }
  }
}

/**
 * Counts the requests of one budget. 0 = the request is within the budget and was counted; else the milliseconds until the
 * next one will be.
 */
export type RateLimiter = (nowMs: number) => number;

export function rateLimiter({ algorithm, limit, perMs }: RateLimit, nowMs: number): RateLimiter {
  if (algorithm === 'token-bucket') return tokenBucket(limit, perMs / limit, nowMs);
  return algorithm === 'fixed-window' ? fixedWindow(limit, perMs) : slidingWindow(limit, perMs);
}

/** Holds at most `capacity` tokens, starts full, and gets one back every `msPerToken`. */
function tokenBucket(capacity: number, msPerToken: number, startMs: number): RateLimiter {
  let [tokens, atMs] = [capacity, startMs];
  return (nowMs) => {
    tokens = Math.min(capacity, tokens + (nowMs - atMs) / msPerToken);
    atMs = nowMs;
    if (tokens < 1) return (1 - tokens) * msPerToken;
    tokens -= 1;
    return 0;
  };
}

/** Windows start at multiples of `perMs` since 1970, so up to twice the limit can pass around a boundary. */
function fixedWindow(limit: number, perMs: number): RateLimiter {
  let [window, taken] = [Number.NEGATIVE_INFINITY, 0];
  return (nowMs) => {
    const current = Math.floor(nowMs / perMs);
    if (current !== window) [window, taken] = [current, 0];
    if (taken >= limit) return (window + 1) * perMs - nowMs;
    taken += 1;
    return 0;
  };
}

/** No interval of `perMs` holds more than the limit: a ring remembers the times of the last `limit` requests. */
function slidingWindow(limit: number, perMs: number): RateLimiter {
  const takenAtMs = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  return (nowMs) => {
    const waitMs = (takenAtMs[next] ?? Number.NEGATIVE_INFINITY) + perMs - nowMs;
    if (waitMs > 0) return waitMs;
    takenAtMs[next] = nowMs;
    next = (next + 1) % limit;
    return 0;
  };
}
