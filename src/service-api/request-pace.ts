import { type Clock, pause } from '../time/clock.ts';

/** Spreads requests evenly: at no time do more than `perMinute` start within a minute. Pauses are not made up for. */
export class RequestPace {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #nextAtMs = 0;
  #heldUntilMs = 0;

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    // Rounded up to a microsecond: the rounding errors of a sum must not let one more through.
    this.#intervalMs = Math.ceil(60_000_000 / perMinute) / 1_000;
  }

  /** Resolves when the next request may start. */
  async turn(): Promise<void> {
    for (;;) {
      const nowMs = this.#clock.nowMs();
      const atMs = Math.max(nowMs, this.#nextAtMs, this.#heldUntilMs);
      this.#nextAtMs = atMs + this.#intervalMs;
      if (atMs > nowMs) await pause(this.#clock, atMs - nowMs);
      // A hold that began during the wait applies to whoever waited, too.
      if (this.#clock.nowMs() >= this.#heldUntilMs) return;
    }
  }

  /** No request starts for so long. */
  hold(durationMs: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, this.#clock.nowMs() + durationMs);
  }
}
