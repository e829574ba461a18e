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
      const arm = (): void => {
        const delayMs = atMs - nowMs();
        if (delayMs > TIMER_DELAY_MAX_MS) handle = setTimeout(arm, TIMER_DELAY_MAX_MS);
        // setTimeout truncates fractions and could fire early: round up.
        else handle = setTimeout(wake, Math.max(0, Math.ceil(delayMs)));
      };
      arm();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
