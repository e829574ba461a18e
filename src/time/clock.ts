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

/** Calls `work` every `intervalMs`, first after one interval; each interval begins when the previous call has returned. */
export function repeat(clock: Clock, intervalMs: number, work: () => void): Timer {
  let timer: Timer;
  const arm = (): void => {
    timer = clock.wakeAt(clock.nowMs() + intervalMs, () => {
      work();
      arm();
    });
  };
  arm();
  return { cancel: () => timer.cancel() };
}

/** Calls `work` at each whole multiple of `intervalMs`, on the dot, so that clocks that agree agree on the intervals too; skips those it misses. */
export function repeatOnTheDot(clock: Clock, intervalMs: number, work: () => void): Timer {
  let timer: Timer;
  const arm = (): void => {
    timer = clock.wakeAt((Math.floor(clock.nowMs() / intervalMs) + 1) * intervalMs, () => {
      work();
      arm();
    });
  };
  arm();
  return { cancel: () => timer.cancel() };
}
