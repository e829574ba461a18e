/** What a hub does with a new connection: serve it after `waitMs`, or not at all. */
export type Admission = { readonly waitMs: number } | null;

/** What a hub makes of an excess of connections. */
type Excess = { readonly burstMs: number; readonly queueMs: number };

/**
 * A hub's limit of new connections. What exceeds it is served at once as long as the excess is worth no more than
 * `burstMs` at the limit; then it waits for its turn; and if that is more than `queueMs` away, it is not served.
 */
export class ConnectionShaper {
  readonly #intervalMs: number;
  /** When everything that was admitted would have been served at the limit. */
  #workedOffAtMs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#intervalMs = 1_000 / perSecond;
  }

  /** `nowMs` must not go backwards. */
  admit(nowMs: number, { burstMs, queueMs }: Excess): Admission {
    const startMs = Math.max(this.#workedOffAtMs, nowMs);
    const waitMs = Math.max(0, startMs - nowMs - burstMs);
    if (waitMs > queueMs) return null;
    this.#workedOffAtMs = startMs + this.#intervalMs;
    return { waitMs };
  }
}
