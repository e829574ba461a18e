import { type RateLimit, type RateLimiter, rateLimiter } from './rate-limit.ts';

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
