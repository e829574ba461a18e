/** The only source of time and timers for everything below the shell. Has a simulated twin in the tests. */
export interface Clock {
  /** Milliseconds since the run began, monotonic, the same on every thread of the run. */
  nowMs(): number;
  /** Wall clock, milliseconds since 1970-01-01 UTC: for SAS expiry and for stamps in files, never for durations. */
  epochMs(): number;
  /** CPU time of the process, all its threads, in milliseconds. */
  cpuMs(): number;
  /** Calls `wake` once, at `atMs` of `nowMs` or as soon as possible after it. */
  wakeAt(atMs: number, wake: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Does `work` every `intervalMs`, the first time after one; the next interval begins when it is done. */
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
