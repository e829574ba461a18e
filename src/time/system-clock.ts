import type { Clock, Timer } from './clock.ts';

/** Longest delay of one timer in Node (2^31 − 1); a longer wait takes several. */
const TIMER_DELAY_MAX_MS = 2_147_483_647;

/**
 * `hrtime` counts from the same origin on all threads of a process, so an origin taken on the main thread serves
 * every worker.
 */
export function hrtimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** @param originMs `hrtimeMs()` at this clock's time 0. */
export function systemClock(originMs: number): Clock {
  const nowMs = (): number => hrtimeMs() - originMs;
  return {
    nowMs,
    epochMs: () => Date.now(),
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    wakeAt(atMs: number, wake: () => void): Timer {
      let handle: NodeJS.Timeout;
      // Timers count whole milliseconds of a clock that drops fractions, so they may fire almost one too early: then the rest is waited for.
      const wakeOrWait = (): void => {
        if (nowMs() < atMs) arm();
        else wake();
      };
      const arm = (): void => {
        handle = setTimeout(wakeOrWait, Math.min(Math.max(0, Math.ceil(atMs - nowMs())), TIMER_DELAY_MAX_MS));
      };
      arm();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
