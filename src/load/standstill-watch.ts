/** Longer than any pause that a busy machine makes: nothing ran, since the machine slept or the process was stopped. */
export const STANDSTILL_MIN_MS = 10_000;

/** What became of time between two looks. */
export type TimeGap = {
  /** How long nothing ran; 0 = it went on. */
  readonly standstillMs: number;
  /** How far the wall clock moved by itself: it was set, or the machine slept where its other clock stands still (Linux). */
  readonly clockMovedMs: number;
};

/** Looks at both clocks at regular intervals, and tells when one of them did not do as it should. */
export class StandstillWatch {
  readonly #intervalMs: number;
  #lastMs: number;
  #epochAtZeroMs: number;

  constructor(intervalMs: number, nowMs: number, epochMs: number) {
    this.#intervalMs = intervalMs;
    this.#lastMs = nowMs;
    this.#epochAtZeroMs = epochMs - nowMs;
  }

  /** Wall clock at 0 of the other one, as it was found last. */
  get epochAtZeroMs(): number {
    return this.#epochAtZeroMs;
  }

  look(nowMs: number, epochMs: number): TimeGap {
    const standstillMs = nowMs - this.#lastMs - this.#intervalMs;
    const clockMovedMs = epochMs - nowMs - this.#epochAtZeroMs;
    this.#lastMs = nowMs;
    const moved = Math.abs(clockMovedMs) >= STANDSTILL_MIN_MS;
    if (moved) this.#epochAtZeroMs = epochMs - nowMs;
    return {
      standstillMs: standstillMs >= STANDSTILL_MIN_MS ? standstillMs : 0,
      clockMovedMs: moved ? clockMovedMs : 0,
    };
  }
}
