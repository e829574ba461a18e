/** What a throttled request leaves of the rate: milder than TCP's half, since the share was below the quota to begin with. */
const DECREASE = 0.7;
/** From the rate's floor to its ceiling in this time, so that probing costs a throttled request a minute at most. */
const RISE_MS = 300_000;
/** Of the ceiling: where nothing is granted, it still asks now and then. */
const FLOOR_SHARE = 0.01;
/** Shortest cool-down; where the service names no retry-after, it is doubled for each throttle that follows, up to the maximum. */
const COOL_DOWN_MIN_MS = 1_000;
const COOL_DOWN_MAX_MS = 100_000;
/** A throttle this long after the last cool-down begins with the shortest one again. */
const CALM_MS = 60_000;

/**
 * Keeps a run's register requests below what the service grants at the moment: additive increase, multiplicative decrease.
 *
 * - A 429 at `t`: `rate ← max(floor, 0.7 × rate(t))`, and nothing is released until `t + max(1 s, retryAfter)`, or without one
 *   until `t + min(100 s, 1 s × 2^n)` with n the throttles before this one that calm did not part from it. Further ones before
 *   that moment answer requests of the time before: they lengthen the cool-down where they ask for it, and no more.
 * - Else: `rate(t) = min(ceiling, rate + (t − coolUntil) × ceiling / 300 s)`.
 *
 * Where there is no ceiling, the rate at the first throttle stands for it in these formulas, and does not bound the rate.
 */
export class Governor {
  readonly #ceilingPerSecond: number;
  /** What floor and rise are measured by; 0 until known. */
  #scalePerSecond: number;
  #ratePerSecond: number;
  #coolUntilMs = Number.NEGATIVE_INFINITY;
  #throttlesInARow = 0;

  /** @param ceilingPerSecond never allowed to be exceeded; `Infinity` = none. */
  constructor(ceilingPerSecond: number) {
    this.#ceilingPerSecond = ceilingPerSecond;
    this.#ratePerSecond = ceilingPerSecond;
    this.#scalePerSecond = Number.isFinite(ceilingPerSecond) ? ceilingPerSecond : 0;
  }

  /** Register requests a second that are allowed at this moment, cool-down aside; `Infinity` = not bounded. */
  ratePerSecondAt(atMs: number): number {
    if (this.#coolUntilMs === Number.NEGATIVE_INFINITY) return this.#ratePerSecond;
    const risenMs = Math.max(0, atMs - this.#coolUntilMs);
    return Math.min(this.#ceilingPerSecond, this.#ratePerSecond + (risenMs * this.#scalePerSecond) / RISE_MS);
  }

  /**
   * The service throttled a request.
   * @param recentPerSecond launches in the last second: what there is to lower where no rate is set yet.
   * @returns until when nothing may be released.
   */
  throttled(atMs: number, retryAfterMs: number | null, recentPerSecond: number): number {
    if (atMs >= this.#coolUntilMs) {
      this.#lower(atMs, recentPerSecond);
      this.#throttlesInARow = atMs < this.#coolUntilMs + CALM_MS ? this.#throttlesInARow + 1 : 0;
      this.#coolUntilMs = atMs + this.#coolDownMs(retryAfterMs);
    } else if (retryAfterMs !== null) {
      this.#coolUntilMs = Math.max(this.#coolUntilMs, atMs + retryAfterMs);
    }
    return this.#coolUntilMs;
  }

  #lower(atMs: number, recentPerSecond: number): void {
    const allowed = this.ratePerSecondAt(atMs);
    const rate = Number.isFinite(allowed) ? allowed : Math.max(1, recentPerSecond);
    if (this.#scalePerSecond === 0) this.#scalePerSecond = rate;
    this.#ratePerSecond = Math.max(this.#scalePerSecond * FLOOR_SHARE, rate * DECREASE);
  }

  #coolDownMs(retryAfterMs: number | null): number {
    if (retryAfterMs !== null) return Math.max(COOL_DOWN_MIN_MS, retryAfterMs);
    return Math.min(COOL_DOWN_MAX_MS, COOL_DOWN_MIN_MS * 2 ** this.#throttlesInARow);
  }
}
