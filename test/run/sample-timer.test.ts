import { describe, expect, it } from 'vitest';
import { HealthSampler } from '../../src/run/health-sampler.ts';
import { sampleEverySecond } from '../../src/run/sample-timer.ts';
import { QUIET_HEALTH } from '../support/session-bench.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Two workers that launch at 50/s each, and report each whole second with this delay. */
function sampled(fromMs: number, delaysMs: readonly [number, number], untilMs: number) {
  const clock = new VirtualClock();
  clock.advanceTo(fromMs);
  const sampler = new HealthSampler(2, clock, null);
  sampler.begin();
  const samples: ReturnType<HealthSampler['take']>[] = [];
  sampleEverySecond(
    clock,
    (secondMs) => sampler.hasReportsOf(secondMs),
    (secondMs) => samples.push(sampler.take(secondMs, 0, null, [])),
  );
  for (let second = Math.ceil((fromMs + 1) / 1000); second * 1000 < untilMs; second += 1) {
    const launched = Math.min(1000, second * 1000 - fromMs) / 20;
    for (const [worker, delayMs] of delaysMs.entries()) {
      clock.wakeAt(second * 1000 + delayMs, () =>
        sampler.addHealth(worker, { ...QUIET_HEALTH, launched, inFlight: 7 }),
      );
    }
    // One ends 5 ms after each second, and is known before the sample of that second.
    clock.wakeAt(second * 1000 + 6, () => sampler.addSettled(second * 1000 + 5));
    clock.wakeAt(second * 1000 + 500, () => sampler.addSettled(second * 1000 + 495));
  }
  clock.advanceTo(untilMs);
  return samples;
}

describe('samples', () => {
  it('are of whole seconds of the clock, with what happened in each', () => {
    const samples = sampled(600, [1, 30], 6_900);
    expect(samples.map(({ atMs, overMs }) => [atMs, overMs])).toEqual([
      [2000, 1400],
      [3000, 1000],
      [4000, 1000],
      [5000, 1000],
      [6000, 1000],
    ]);
    expect(samples.map(({ launched }) => launched)).toEqual([140, 100, 100, 100, 100]);
    expect(samples.map(({ settled }) => settled)).toEqual([2, 2, 2, 2, 2]);
    expect(samples.map(({ inFlight }) => inFlight)).toEqual([14, 14, 14, 14, 14]);
  });

  it('wait a little for a worker that is late, but not for one that is silent', () => {
    expect(sampled(0, [0, 890], 4_950).map(({ launched }) => launched)).toEqual([100, 100, 100, 100]);
    expect(sampled(0, [0, 950], 4_950).map(({ atMs, launched }) => [atMs, launched])).toEqual([
      [1000, 50],
      [2000, 100],
      [3000, 100],
      [4000, 100],
    ]);
  });

  it('skip the seconds in which the process did not run, and say how long the next one covers', () => {
    const clock = new VirtualClock();
    const sampler = new HealthSampler(0, clock, null);
    const samples: [atMs: number, overMs: number][] = [];
    let stopped = false;
    const timer = sampleEverySecond(
      {
        ...clock,
        nowMs: () => clock.nowMs() + (stopped ? 4_300 : 0),
        wakeAt: (atMs, wake) => clock.wakeAt(atMs - (stopped ? 4_300 : 0), wake),
        epochMs: () => 0,
        cpuMs: () => 0,
      },
      () => true,
      (secondMs) => {
        const { atMs, overMs } = sampler.take(secondMs, 0, null, []);
        samples.push([atMs, overMs]);
      },
    );
    clock.advanceTo(1_500);
    stopped = true;
    clock.advanceTo(4_000);
    timer.cancel();
    expect(samples).toEqual([
      [1000, 1000],
      [6000, 5000],
      [7000, 1000],
      [8000, 1000],
    ]);
    expect(clock.timers).toBe(0);
  });
});
