import type { Clock, Timer } from './clock.ts';

type Waiting = { readonly atMs: number; readonly wake: () => void; timer: Timer };

/** A clock that goes as another one does, and can be put forward: timers that are passed over fire in their order. */
export class AdvancedClock implements Clock {
  readonly #base: Clock;
  readonly #waiting = new Set<Waiting>();
  #aheadMs = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  /** How far it has been put forward so far. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  nowMs(): number {
    return this.#base.nowMs() + this.#aheadMs;
  }

  epochMs(): number {
    return this.#base.epochMs() + this.#aheadMs;
  }

  cpuMs(): number {
    return this.#base.cpuMs();
  }

  wakeAt(atMs: number, wake: () => void): Timer {
    const waiting: Waiting = { atMs, wake, timer: { cancel: () => {} } };
    this.#waiting.add(waiting);
    this.#arm(waiting);
    return { cancel: () => this.#take(waiting) };
  }

  /** Timers that are set on the way, and are due by then, fire too. */
  advance(durationMs: number): void {
    const aheadMs = this.#aheadMs + durationMs;
    for (let next = this.#first(); next !== null; next = this.#first()) {
      const neededMs = next.atMs - this.#base.nowMs();
      if (neededMs > aheadMs) break;
      this.#aheadMs = Math.max(this.#aheadMs, neededMs);
      this.#take(next);
      next.wake();
    }
    this.#aheadMs = Math.max(this.#aheadMs, aheadMs);
    for (const waiting of this.#waiting) this.#arm(waiting);
  }

  /** Nothing that waits now fires any more, and nothing keeps the process from its end. */
  cancelAll(): void {
    for (const waiting of this.#waiting) this.#take(waiting);
  }

  #arm(waiting: Waiting): void {
    waiting.timer.cancel();
    waiting.timer = this.#base.wakeAt(waiting.atMs - this.#aheadMs, () => {
      this.#take(waiting);
      waiting.wake();
    });
  }

  #take(waiting: Waiting): void {
    waiting.timer.cancel();
    this.#waiting.delete(waiting);
  }

  /** Of timers for the same moment, the one that was set first. */
  #first(): Waiting | null {
    let first: Waiting | null = null;
    for (const waiting of this.#waiting) if (first === null || waiting.atMs < first.atMs) first = waiting;
    return first;
  }
}
