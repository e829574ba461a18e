import { expect, it } from 'vitest';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';

it('never wakes anybody early, not even by a fraction of a millisecond', async () => {
  const clock = systemClock(hrtimeMs());
  const aheadMs = await Promise.all(
    Array.from(
      { length: 500 },
      (_, index) =>
        new Promise<number>((resolve) => {
          const atMs = clock.nowMs() + 1 + index * 0.37;
          clock.wakeAt(atMs, () => resolve(atMs - clock.nowMs()));
        }),
    ),
  );
  expect(Math.max(...aheadMs)).toBeLessThanOrEqual(0);
});

it('wakes nobody who has cancelled', async () => {
  const clock = systemClock(hrtimeMs());
  let woken = 0;
  const timer = clock.wakeAt(clock.nowMs() + 5, () => {
    woken += 1;
  });
  timer.cancel();
  await new Promise((resolve) => clock.wakeAt(clock.nowMs() + 20, () => resolve(null)));
  expect(woken).toBe(0);
});
