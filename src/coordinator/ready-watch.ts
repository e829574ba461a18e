import type { Clock, Timer } from '../time/clock.ts';

/** From the start of a thread until it listens: a second or so, many times that where a machine has many more threads than cores. */
const WORKER_READY_MAX_MS = 60_000;

/** Workers that do not listen yet, by what ends them. */
export class ReadyWatch {
  readonly #clock: Clock;
  readonly #timers = new Map<AbortController, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the worker when it takes too long. */
  begin(abort: AbortController): void {
    const reason = new Error(`it was not ready within ${WORKER_READY_MAX_MS / 1_000} s`);
    const timer = this.#clock.wakeAt(this.#clock.nowMs() + WORKER_READY_MAX_MS, () => abort.abort(reason));
    this.#timers.set(abort, timer);
  }

  /** It listens, or is gone. */
  end(abort: AbortController): void {
    this.#timers.get(abort)?.cancel();
    this.#timers.delete(abort);
  }

  /** Ends all that are waited for. */
  abortAll(reason: Error): void {
    for (const abort of this.#timers.keys()) abort.abort(reason);
  }
}
