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
 * Where there is no ceiling, nothing bounds the rate. In its place in these formulas stands a scale: what the load asks for, or
 * what was released at a throttle where that is more. The first 429 may come when next to nothing was launched yet.
 * - A 429 lowers no more than the scale: a rate that rose beyond it is not what was throttled.
 * - For the first 60 s the rate that was throttled stands in place of the scale, which may be many times what is granted: the
 *   rate comes back to the limit after a calm minute. Then the scale counts, so that a rate lowered too far recovers in 360 s.
 */
export class Governor {
  readonly #ceilingPerSecond: number;
  /** What floor and rise are measured by. */
  #scalePerSecond: number;
  #ratePerSecond: number;
  /** What the rise is measured by until calm. */
  #nearPerSecond: number;
  #coolUntilMs = Number.NEGATIVE_INFINITY;
  #throttlesInARow = 0;

  /**
   * @param ceilingPerSecond never allowed to be exceeded; `Infinity` = none.
   * @param askedPerSecond by the load; above 0.
   */
  constructor(ceilingPerSecond: number, askedPerSecond: number) {
    this.#ceilingPerSecond = ceilingPerSecond;
    this.#ratePerSecond = ceilingPerSecond;
    this.#scalePerSecond = Number.isFinite(ceilingPerSecond) ? ceilingPerSecond : askedPerSecond;
    this.#nearPerSecond = this.#scalePerSecond;
  }

  /** Register requests a second that are allowed at this moment, cool-down aside; `Infinity` = not bounded. */
  ratePerSecondAt(atMs: number): number {
    if (this.#coolUntilMs === Number.NEGATIVE_INFINITY) return this.#ratePerSecond;
    const risenMs = Math.max(0, atMs - this.#coolUntilMs);
    const calmMs = Math.max(0, risenMs - CALM_MS);
    const risen = ((risenMs - calmMs) * this.#nearPerSecond + calmMs * this.#scalePerSecond) / RISE_MS;
    return Math.min(this.#ceilingPerSecond, this.#ratePerSecond + risen);
  }

  /**
   * The service throttled a request.
   * @param recentPerSecond register requests released in a second of late.
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
    this.#scalePerSecond = Math.min(this.#ceilingPerSecond, Math.max(this.#scalePerSecond, recentPerSecond));
    const rate = Math.min(allowed, this.#scalePerSecond);
    this.#nearPerSecond = Number.isFinite(this.#ceilingPerSecond) ? this.#ceilingPerSecond : rate;
    this.#ratePerSecond = Math.max(this.#scalePerSecond * FLOOR_SHARE, rate * DECREASE);
  }

  #coolDownMs(retryAfterMs: number | null): number {
    if (retryAfterMs !== null) return Math.max(COOL_DOWN_MIN_MS, retryAfterMs);
    return Math.min(COOL_DOWN_MAX_MS, COOL_DOWN_MIN_MS * 2 ** this.#throttlesInARow);
  }
}
