/** The only source of time and timers below the shell. The tests have a simulated one. */
export interface Clock {
  /** Milliseconds since the run began, monotonic, the same on every thread of the run. */
  nowMs(): number;
  /** Wall clock, milliseconds since 1970-01-01 UTC: for SAS expiry and for stamps in files, never for durations. */
  epochMs(): number;
  /** CPU time of the process, all threads together, in milliseconds. */
  cpuMs(): number;
  /** Calls `wake` once, when `nowMs` reaches `atMs`, or as soon as possible after that. */
  wakeAt(atMs: number, wake: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Resolves after so long. */
export function pause(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.wakeAt(clock.nowMs() + durationMs, resolve);
  });
}

/**
 * Resolves when the work has ended, or after so long without it. Its timer does not hold the process up after that.
 *
 * @throws what the work throws in time
 */
export function waitAtMost(clock: Clock, durationMs: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.wakeAt(clock.nowMs() + durationMs, resolve);
    work.finally(() => timer.cancel()).then(() => resolve(), reject);
  });
}

/**
 * Calls `work` every `intervalMs`, first after one interval; each interval begins when the previous call has returned. `work` itself may
 * cancel it.
 */
export function repeat(clock: Clock, intervalMs: number, work: () => void): Timer {
  let timer: Timer;
  let isCancelled = false;
  const arm = (): void => {
    if (isCancelled) return;
    timer = clock.wakeAt(clock.nowMs() + intervalMs, () => {
      work();
      arm();
    });
  };
  arm();
  return {
    cancel() {
      isCancelled = true;
      timer.cancel();
    },
  };
}

/**
 * Calls `work` at each whole multiple of `intervalMs`, so that threads with one clock have the same intervals, and says at which: a timer may
 * come late. Multiples that pass meanwhile are skipped.
 */
export function repeatOnTheDot(clock: Clock, intervalMs: number, work: (dotMs: number) => void): Timer {
  let timer: Timer;
  let isCancelled = false;
  const lastDotMs = (): number => Math.floor(clock.nowMs() / intervalMs) * intervalMs;
  const arm = (): void => {
    if (isCancelled) return;
    timer = clock.wakeAt(lastDotMs() + intervalMs, () => {
      work(lastDotMs());
      arm();
    });
  };
  arm();
  return {
    cancel() {
      isCancelled = true;
      timer.cancel();
    },
  };
}
