import { expect, it } from 'vitest';
import { repeat, repeatOnTheDot, type Timer } from '../../src/time/clock.ts';
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
