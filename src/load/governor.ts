/** Factor of the rate after a 429: milder than TCP's half, since the run's share was below the quota to begin with. */
const DECREASE = 0.7;
/** Time from the rate's floor to its ceiling: probing then costs at most one throttled request a minute. */
const RISE_MS = 300_000;
/** Lowest rate, as a share of the ceiling: even when nothing is granted, the run still asks now and then. */
const FLOOR_SHARE = 0.01;
/** Shortest cool-down; without a retry-after it doubles with each further throttle, up to the maximum. */
const COOL_DOWN_MIN_MS = 1_000;
const COOL_DOWN_MAX_MS = 100_000;
/** After this long without a throttle, the next cool-down is the shortest one again. */
const CALM_MS = 60_000;

/**
 * Lowers the rate of register requests after a 429 and raises it again: additive increase, multiplicative decrease.
 *
 * - On a 429 at `t`: `rate ← max(floor, 0.7 × rate(t))`, and nothing is released until `t + max(1 s, retryAfter)`, or without a
 *   retry-after until `t + min(100 s, 1 s × 2^n)`, where n counts the preceding throttles without a calm minute between them.
 *   Further 429s during the cool-down answer earlier requests: they only lengthen it, if they ask for that.
 * - Otherwise: `rate(t) = min(ceiling, rate + (t − coolUntil) × ceiling / 300 s)`.
 *
 * Without a ceiling, nothing bounds the rate, and a scale replaces the ceiling in these formulas: what the load asks for, or what
 * was released at the time of a throttle if that is more. (The first 429 may come when next to nothing was launched yet.)
 * - A 429 lowers the scale at most: a rate that rose beyond it is not what was throttled.
 * - For the first 60 s the throttled rate replaces the scale, which may be many times what is granted: the rate returns to the
 *   limit after a calm minute. After that the scale counts, so that a rate lowered too far recovers within 360 s.
 */
export class Governor {
  readonly #ceilingPerSecond: number;
  /** Base of the floor and of the rise. */
  #scalePerSecond: number;
  #ratePerSecond: number;
  /** Base of the rise until the run is calm. */
  #nearPerSecond: number;
  #coolUntilMs = Number.NEGATIVE_INFINITY;
  #throttlesInARow = 0;

  /**
   * @param ceilingPerSecond never exceeded; `Infinity` = none
   * @param askedPerSecond launches that the load asks for; above 0
   */
  constructor(ceilingPerSecond: number, askedPerSecond: number) {
    this.#ceilingPerSecond = ceilingPerSecond;
    this.#ratePerSecond = ceilingPerSecond;
    this.#scalePerSecond = Number.isFinite(ceilingPerSecond) ? ceilingPerSecond : askedPerSecond;
    this.#nearPerSecond = this.#scalePerSecond;
  }

  /** Register requests allowed a second, apart from cool-downs; `Infinity` = not bounded. */
  ratePerSecondAt(atMs: number): number {
    if (this.#coolUntilMs === Number.NEGATIVE_INFINITY) return this.#ratePerSecond;
    const risenMs = Math.max(0, atMs - this.#coolUntilMs);
    const calmMs = Math.max(0, risenMs - CALM_MS);
    const risen = ((risenMs - calmMs) * this.#nearPerSecond + calmMs * this.#scalePerSecond) / RISE_MS;
    return Math.min(this.#ceilingPerSecond, this.#ratePerSecond + risen);
  }

  /**
   * The service throttled a request.
   * @param recentPerSecond register requests that were released in a recent second
   * @returns until when nothing may be released
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
