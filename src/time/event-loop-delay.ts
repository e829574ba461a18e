import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Sampling period of the monitor; shorter delays cannot be seen. */
const RESOLUTION_MS = 10;

/** Measures how late the event loop of this thread runs its timers. */
export function watchEventLoopDelay(): { takeMaxMs(): number; stop(): void } {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  return {
    /** The largest delay since the last call, in milliseconds. */
    takeMaxMs(): number {
      // The monitor records the whole interval between two of its timers; `max` is 0 before the first one.
      const delayMs = Math.max(0, monitor.max / 1e6 - RESOLUTION_MS);
      monitor.reset();
      return delayMs;
    },
    stop: () => {
      monitor.disable();
    },
  };
}
