import type { Clock, Timer } from '../../time/clock.ts';

/** A moment at which a session ends unless it changes before, and why. */
export type Deadline = { readonly atMs: number; readonly reason: string };

/**
 * Watches over several deadlines with one timer. A deadline that moves away, as at every packet that arrives, leaves the
 * timer as it is: when it fires, it looks again.
 */
export class SessionDeadline {
  readonly #clock: Clock;
  readonly #deadlines: () => readonly Deadline[];
  readonly #passed: (reason: string) => void;
  #timer: Timer | null = null;

  constructor(clock: Clock, deadlines: () => readonly Deadline[], passed: (reason: string) => void) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#passed = passed;
  }

  /** Call it when a deadline has been added. */
  watch(): void {
    this.cancel();
    const [first, ...others] = this.#deadlines();
    if (first === undefined) return;
    const next = others.reduce((earliest, deadline) => (deadline.atMs < earliest.atMs ? deadline : earliest), first);
    if (this.#clock.nowMs() >= next.atMs) this.#passed(next.reason);
    else this.#timer = this.#clock.wakeAt(next.atMs, () => this.watch());
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
