import { expect, it } from 'vitest';
import { type Clock, repeatOnTheDot } from '../../src/time/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A clock whose timers come this much too late, in turn, and whose work takes so long. */
function dotsOf(offsetsMs: readonly number[], workMs: number): number[] {
  const virtual = new VirtualClock();
  let [timers, worked] = [0, 0];
  const clock: Clock = {
    nowMs: () => virtual.nowMs() + worked,
    epochMs: () => 0,
    cpuMs: () => 0,
    wakeAt: (atMs, wake) => virtual.wakeAt(atMs - worked + (offsetsMs[timers++ % offsetsMs.length] ?? 0), wake),
  };
  const dots: number[] = [];
  const timer = repeatOnTheDot(clock, 1_000, (dotMs) => {
    dots.push(dotMs);
    worked += workMs;
  });
  virtual.advanceTo(5_900);
  timer.cancel();
  expect(virtual.timers).toBe(0);
  return dots;
}

it.each<[string, readonly number[], number]>([
  ['on time', [0], 0],
  ['a little late, with work of a millisecond', [0.4], 1],
  ['late', [0, 700, 3], 0],
])('names each dot once, if timers come %s', (_, offsetsMs, workMs) => {
  expect(dotsOf(offsetsMs, workMs)).toEqual([1000, 2000, 3000, 4000, 5000]);
});

it('skips dots that passed meanwhile', () => {
  expect(dotsOf([0, 2_300, 0], 0)).toEqual([1000, 4000, 5000]);
});
