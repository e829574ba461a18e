import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** Sampling period of the monitor; shorter delays cannot be seen. */
const RESOLUTION_MS = 10;

/** Measures how late the event loop of this thread runs its timers, and how busy it is. */
export function watchEventLoop(): EventLoopWatch {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  let last = performance.eventLoopUtilization();
  return {
    takeMaxDelayMs(): number {
      // The monitor records the whole interval between two of its timers; `max` is 0 before the first one.
      const delayMs = Math.max(0, monitor.max / 1e6 - RESOLUTION_MS);
      monitor.reset();
      return delayMs;
    },
    takeBusy() {
      const now = performance.eventLoopUtilization();
      const { utilization, active, idle } = performance.eventLoopUtilization(now, last);
      last = now;
      return { share: utilization, elapsedMs: active + idle };
    },
    stop: () => {
      monitor.disable();
    },
  };
}

export type EventLoopWatch = {
  /** The largest delay since the last call, in milliseconds. */
  takeMaxDelayMs(): number;
  /** The share of the time since the last call in which the loop did not wait for events. */
  takeBusy(): { readonly share: number; readonly elapsedMs: number };
  stop(): void;
};
