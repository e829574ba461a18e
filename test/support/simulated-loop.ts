import type { Clock, Timer } from '../../src/time/clock.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How a machine's clocks differ from true time. */
export type ClockError = {
  /** True time at 0 of the monotonic clock. */
  readonly originMs: number;
  /** Share by which it runs fast. */
  readonly drift: number;
  /** How far the wall clock is ahead. */
  readonly wallAheadMs: number;
};

/** For the guard against a timer that comes a rounding error too early. */
const ROUNDING_MS = 1e-6;

/** An event loop: what runs on it waits while it stands still, and is gone once it is dead. */
export class SimulatedLoop {
  readonly clock: Clock;
  readonly #trueTime: VirtualClock;
  #stillUntilMs = 0;
  #queue: (() => void)[] = [];
  #isAlive = true;

  constructor(trueTime: VirtualClock, { originMs, drift, wallAheadMs }: ClockError) {
    this.#trueTime = trueTime;
    this.clock = {
      nowMs: () => (trueTime.nowMs() - originMs) * (1 + drift),
      epochMs: () => trueTime.epochMs() + wallAheadMs,
      cpuMs: () => 0,
      wakeAt: (atMs, wake): Timer => trueTime.wakeAt(originMs + atMs / (1 + drift) + ROUNDING_MS, () => this.run(wake)),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  run(work: () => void): void {
    if (!this.#isAlive) return;
    if (this.#trueTime.nowMs() < this.#stillUntilMs) this.#queue.push(work);
    else work();
  }

  standStill(durationMs: number): void {
    this.#stillUntilMs = Math.max(this.#stillUntilMs, this.#trueTime.nowMs() + durationMs);
    this.#trueTime.wakeAt(this.#stillUntilMs, () => this.#goOn());
  }

  die(): void {
    this.#isAlive = false;
    this.#queue = [];
  }

  #goOn(): void {
    if (this.#trueTime.nowMs() < this.#stillUntilMs) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const work of queue) this.run(work);
  }
}
