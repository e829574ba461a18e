import { expect, it } from 'vitest';
import { repeat, repeatOnTheDot, type Timer, waitAtMost } from '../../src/time/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

it.each([
  ['repeat', repeat],
  ['repeatOnTheDot', repeatOnTheDot],
])('%s calls again until it is cancelled, even by what it calls', (_, start) => {
  const clock = new VirtualClock();
  const callsAtMs: number[] = [];
  const timer: Timer = start(clock, 10, () => {
    callsAtMs.push(clock.nowMs());
    if (callsAtMs.length === 3) timer.cancel();
  });
  clock.advanceTo(100);
  expect(callsAtMs).toEqual([10, 20, 30]);
});

it('waitAtMost waits for the work or for so long, and leaves no timer behind', async () => {
  const clock = new VirtualClock();
  await waitAtMost(clock, 1_000, Promise.resolve());
  expect(clock.timers).toBe(0);
  await expect(waitAtMost(clock, 1_000, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(clock.timers).toBe(0);
  const waiting = waitAtMost(clock, 1_000, new Promise(() => {}));
  clock.advanceTo(1_000);
  await waiting;
});
