import { type Clock, pause } from '../time/clock.ts';

/** Spreads requests evenly: at no time do more than `perMinute` start within a minute. Pauses are not made up for. */
export class RequestPace {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #nextAtMs = 0;

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#intervalMs = 60_000 / perMinute;
  }

  /** Resolves when the next request may start. */
  async turn(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const atMs = Math.max(nowMs, this.#nextAtMs);
    this.#nextAtMs = atMs + this.#intervalMs;
    if (atMs > nowMs) await pause(this.#clock, atMs - nowMs);
  }
}
