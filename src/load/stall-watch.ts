/** How often an idle event loop is checked: this costs less than 0.1% of a core. */
export const STALL_LOOK_INTERVAL_MS = 5;

/**
 * When nothing at all ran for this long, the event loop stood still: it is 5 ms more than an idle loop rests between two looks, and
 * shorter times change no percentile by the 5 ms that count.
 */
const STALL_MIN_MS = 2 * STALL_LOOK_INTERVAL_MS;

/**
 * Adds up how long an event loop stood still: through a long computation, garbage collection, too little CPU time or a suspension of
 * the process. A loop that is busy with one event after the other does not stand still. Whatever runs on the loop calls `look`.
 */
export class StallWatch {
  #lastMs: number;
  #totalMs = 0;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** All stalls up to now. What a period between two looks overlapped with stalls is the difference of their totals. */
  look(nowMs: number): number {
    const gapMs = nowMs - this.#lastMs;
    if (gapMs >= STALL_MIN_MS) this.#totalMs += gapMs;
    this.#lastMs = nowMs;
    return this.#totalMs;
  }
}
