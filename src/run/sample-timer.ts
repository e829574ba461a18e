import { type Clock, repeatOnTheDot, type Timer } from '../time/clock.ts';

const SAMPLE_INTERVAL_MS = 1_000;

/** A worker's report takes a few milliseconds; one that is later than this counts in the next second, which is about to end. */
const REPORT_DELAY_MAX_MS = 900;
const LOOK_INTERVAL_MS = 20;

/** Over a shorter time, CPU time would be noise: some systems count it in hundredths of a second. */
const FIRST_SAMPLE_MS_MIN = 500;

/** Calls `take` for each whole second of the clock, as soon as all workers have reported it. */
export function sampleEverySecond(
  clock: Clock,
  hasReports: (secondMs: number) => boolean,
  take: (secondMs: number) => void,
): Timer {
  const firstMs = clock.nowMs() + FIRST_SAMPLE_MS_MIN;
  let look: Timer | null = null;
  const takeWhenReported = (secondMs: number): void => {
    if (hasReports(secondMs) || clock.nowMs() >= secondMs + REPORT_DELAY_MAX_MS) take(secondMs);
    else look = clock.wakeAt(clock.nowMs() + LOOK_INTERVAL_MS, () => takeWhenReported(secondMs));
  };
  const seconds = repeatOnTheDot(clock, SAMPLE_INTERVAL_MS, (secondMs) => {
    if (secondMs >= firstMs) takeWhenReported(secondMs);
  });
  return {
    cancel() {
      seconds.cancel();
      look?.cancel();
    },
  };
}
