import type { Clock, Timer } from './clock.ts';

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
