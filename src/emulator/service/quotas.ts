/** Budgets of one instance; `null` = unlimited. */
export type Quotas = {
  /** Register requests of all devices. */
  readonly register: RateLimit | null;
  /** Polls of one device. */
  readonly pollPerDevice: RateLimit | null;
  /** What a refused request is told to wait, in seconds: `exact` = until the budget has room; `null` = nothing. */
  readonly retryAfterSeconds: number | 'exact' | null;
};

export const NO_QUOTAS: Quotas = Object.freeze({ register: null, pollPerDevice: null, retryAfterSeconds: null });

/** Whether a request is within its budget; what it is told when it is not. */
export type QuotaAnswer =
  | { readonly isWithin: true }
  | { readonly isWithin: false; readonly retryAfterSeconds: number | null };

const WITHIN: QuotaAnswer = { isWithin: true };

/** The budgets of one instance, as far as they are used up. */
export class QuotaState {
  readonly #quotas: Quotas;
  #register: RateLimiter | null = null;
  /** By device, the one longest unused first. */
  readonly #polls = new Map<string, { readonly limiter: RateLimiter; usedAtMs: number }>();

  constructor(quotas: Quotas) {
    this.#quotas = quotas;
  }

  register(nowMs: number): QuotaAnswer {
    const { register } = this.#quotas;
    if (register === null) return WITHIN;
    this.#register ??= rateLimiter(register, nowMs);
    return this.#answer(this.#register.take(nowMs));
  }

  /** @param deviceKey Folded registration ID. */
  poll(deviceKey: string, nowMs: number): QuotaAnswer {
    const limit = this.#quotas.pollPerDevice;
    if (limit === null) return WITHIN;
    this.#forgetUnused(nowMs - limit.perMs);
    const limiter = this.#polls.get(deviceKey)?.limiter ?? rateLimiter(limit, nowMs);
    this.#polls.delete(deviceKey);
    this.#polls.set(deviceKey, { limiter, usedAtMs: nowMs });
    return this.#answer(limiter.take(nowMs));
  }

  /** Devices whose polls are counted at the moment. */
  get pollingDevices(): number {
    return this.#polls.size;
  }

  #answer(waitMs: number): QuotaAnswer {
    if (waitMs === 0) return WITHIN;
    const { retryAfterSeconds } = this.#quotas;
    const told = retryAfterSeconds === 'exact' ? Math.ceil(waitMs / 1000) : retryAfterSeconds;
    return { isWithin: false, retryAfterSeconds: told };
  }

  /** A budget that was not used for as long as it counts is a fresh one. */
  #forgetUnused(sinceMs: number): void {
    for (const [deviceKey, { usedAtMs }] of this.#polls) {
      if (usedAtMs > sinceMs) return;
      this.#polls.delete(deviceKey);
    }
  }
}

/** So many requests in so much time. How the real service counts them is unknown: hence three ways. */
export type RateLimit = {
  readonly algorithm: 'token-bucket' | 'fixed-window' | 'sliding-window';
  /** Requests. */
  readonly limit: number;
  readonly perMs: number;
};

/** Counts the requests of one budget. */
export interface RateLimiter {
  /** 0 = the request is within the budget, and was counted; else after how many milliseconds the next one will be. */
  take(nowMs: number): number;
}

export function rateLimiter({ algorithm, limit, perMs }: RateLimit, nowMs: number): RateLimiter {
  switch (algorithm) {
    case 'token-bucket':
      return new TokenBucket(limit, perMs, nowMs);
    case 'fixed-window':
      return new FixedWindow(limit, perMs);
    case 'sliding-window':
      return new SlidingWindow(limit, perMs);
  }
}

/** Holds `limit` tokens at most, starts full, and gets one back each `perMs / limit`. */
class TokenBucket implements RateLimiter {
  readonly #capacity: number;
  readonly #msPerToken: number;
  #tokens: number;
  #atMs: number;

  constructor(limit: number, perMs: number, nowMs: number) {
    this.#capacity = limit;
    this.#msPerToken = perMs / limit;
    this.#tokens = limit;
    this.#atMs = nowMs;
  }

  take(nowMs: number): number {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#atMs) / this.#msPerToken);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return (1 - this.#tokens) * this.#msPerToken;
    this.#tokens -= 1;
    return 0;
  }
}

/** Windows begin at multiples of `perMs` since 1970; so twice the limit may pass around a boundary. */
class FixedWindow implements RateLimiter {
  readonly #limit: number;
  readonly #perMs: number;
  #window = Number.NEGATIVE_INFINITY;
  #taken = 0;

  constructor(limit: number, perMs: number) {
    this.#limit = limit;
    this.#perMs = perMs;
  }

  take(nowMs: number): number {
    const window = Math.floor(nowMs / this.#perMs);
    if (window !== this.#window) [this.#window, this.#taken] = [window, 0];
    if (this.#taken >= this.#limit) return (window + 1) * this.#perMs - nowMs;
    this.#taken += 1;
    return 0;
  }
}

/** No stretch of `perMs` holds more than the limit: remembers the moments of the last `limit` requests in a ring. */
class SlidingWindow implements RateLimiter {
  readonly #takenAtMs: Float64Array;
  readonly #perMs: number;
  #next = 0;

  constructor(limit: number, perMs: number) {
    this.#takenAtMs = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
    this.#perMs = perMs;
  }

  take(nowMs: number): number {
    const oldestMs = this.#takenAtMs[this.#next] ?? Number.NEGATIVE_INFINITY;
    const waitMs = oldestMs + this.#perMs - nowMs;
    if (waitMs > 0) return waitMs;
    this.#takenAtMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#takenAtMs.length;
    return 0;
  }
}
