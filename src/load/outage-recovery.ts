/** Pause before the first probe of an outage; it doubles with each further one. */
const PROBE_PAUSE_MIN_MS = 1_000;
const PROBE_PAUSE_MAX_MS = 30_000;

/** When a target that does not respond is probed. */
export class ProbePauses {
  #pauseMs = PROBE_PAUSE_MIN_MS;
  #nextAtMs: number;

  constructor(atMs: number) {
    this.#nextAtMs = atMs + PROBE_PAUSE_MIN_MS;
  }

  get nextAtMs(): number {
    return this.#nextAtMs;
  }

  /** A probe has failed. */
  failed(atMs: number): void {
    this.#pauseMs = Math.min(PROBE_PAUSE_MAX_MS, this.#pauseMs * 2);
    this.#nextAtMs = atMs + this.#pauseMs;
  }
}

/** Connections a second with which a load starts again: one in the first step. */
const START_PER_SECOND = 10;
const DOUBLING_MS = 100;

/**
 * Lets a load return step by step to a target that has just come back: `rate(t) = min(limit, 10/s × 2^⌊t / 100 ms⌋)`. What was not taken of
 * one step is lost, not saved up.
 */
export class SlowStart {
  readonly #startAtMs: number;
  readonly #limitPerSecond: number;
  #takenAtMs: number;
  #room = 1;

  /** @param limitPerSecond never exceeded; above 0 */
  constructor(startAtMs: number, limitPerSecond: number) {
    this.#startAtMs = startAtMs;
    this.#takenAtMs = startAtMs;
    this.#limitPerSecond = limitPerSecond;
  }

  /** Takes as many as may connect now, at most `wanted`. */
  take(wanted: number, nowMs: number): number {
    const rate = this.#ratePerSecondAt(nowMs);
    const step = Math.max(1, (rate * DOUBLING_MS) / 1_000);
    this.#room = Math.min(step, this.#room + (rate * (nowMs - this.#takenAtMs)) / 1_000);
    this.#takenAtMs = nowMs;
    const taken = Math.min(wanted, Math.floor(this.#room + 1e-9));
    this.#room -= taken;
    return taken;
  }

  /** Returns whether the rate has reached its limit. */
  isOver(nowMs: number): boolean {
    return this.#ratePerSecondAt(nowMs) >= this.#limitPerSecond;
  }

  #ratePerSecondAt(atMs: number): number {
    const doublings = Math.floor(Math.max(0, atMs - this.#startAtMs) / DOUBLING_MS);
    return Math.min(this.#limitPerSecond, START_PER_SECOND * 2 ** doublings);
  }
}
