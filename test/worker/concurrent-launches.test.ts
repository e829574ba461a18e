import { describe, expect, it } from 'vitest';
import { STALL_LOOK_INTERVAL_MS, StallWatch } from '../../src/load/stall-watch.ts';
import type { LaunchStart } from '../../src/registration/run-registration.ts';
import { repeat } from '../../src/time/clock.ts';
import { ConcurrentLaunches } from '../../src/worker/concurrent-launches.ts';
import { launch } from '../support/launches.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A queue whose registrations last until they are ended by hand. */
function observedQueue(concurrency: number) {
  const clock = new VirtualClock();
  const started: { readonly sequence: number; readonly atMs: number }[] = [];
  const ends: (() => void)[] = [];
  const queue = new ConcurrentLaunches(clock, new StallWatch(0), concurrency, ({ sequence }) => {
    started.push({ sequence, atMs: clock.nowMs() });
    return new Promise((resolve) => ends.push(resolve));
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, queue, started, end: () => ends.shift()?.(), settled };
}

describe('concurrent launches', () => {
  it('holds a launch until its intended start, and starts it at that moment', async () => {
    const { clock, queue, started, settled } = observedQueue(10);
    queue.add([launch(0, 100), launch(1, 250)]);
    clock.advanceTo(99);
    await settled();
    expect(started).toEqual([]);
    clock.advanceTo(100);
    await settled();
    expect(started).toEqual([{ sequence: 0, atMs: 100 }]);
    clock.advanceTo(250);
    await settled();
    expect(started.at(-1)).toEqual({ sequence: 1, atMs: 250 });
    expect(clock.timers).toBe(0);
  });

  it('never has more in flight than its slots, and starts the next when one ends', async () => {
    const { queue, started, end, settled } = observedQueue(2);
    queue.add([launch(0), launch(1), launch(2), launch(3)]);
    await settled();
    expect(started).toHaveLength(2);
    end();
    await settled();
    expect(started.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  });

  it('hands back what has not been started, and starts none of it later', async () => {
    const { clock, queue, started, end, settled } = observedQueue(1);
    queue.add([launch(0), launch(1), launch(2, 500)]);
    await settled();
    expect(queue.drop().map(({ sequence }) => sequence)).toEqual([1, 2]);
    end();
    clock.advanceTo(1000);
    await settled();
    expect(started.map(({ sequence }) => sequence)).toEqual([0]);
    expect(clock.timers).toBe(0);
    expect(queue.drop()).toEqual([]);
  });

  it('counts a standstill as held back, and goes on in the order and at the pace of before', async () => {
    const { clock, queue, started, settled } = observedQueue(10);
    const heldOf: number[] = [];
    const held = new ConcurrentLaunches(clock, new StallWatch(0), 10, async ({ heldMs }) => {
      heldOf.push(heldMs);
    });
    for (const each of [queue, held]) each.add([launch(0, 100), launch(1, 600), launch(2, 1_100)]);
    clock.advanceTo(100);
    await settled();
    clock.advanceTo(300);
    // Nothing runs; the next look, meant for 400, comes a minute late.
    clock.jumpTo(60_400);
    await settled();
    clock.advanceTo(60_599);
    await settled();
    expect(started).toEqual([{ sequence: 0, atMs: 100 }]);
    clock.advanceTo(60_600);
    await settled();
    clock.advanceTo(61_100);
    await settled();
    expect(started.slice(1)).toEqual([
      { sequence: 1, atMs: 60_600 },
      { sequence: 2, atMs: 61_100 },
    ]);
    expect(heldOf).toEqual([0, 60_000, 60_000]);
  });
});

describe('how a launch came to start', () => {
  /** A queue whose event loop runs every 5 ms, unless the clock jumps. */
  function measuredQueue(concurrency: number) {
    const clock = new VirtualClock();
    const stalls = new StallWatch(0);
    const tick = repeat(clock, STALL_LOOK_INTERVAL_MS, () => stalls.look(clock.nowMs()));
    const starts: (LaunchStart & { readonly sequence: number })[] = [];
    const ends: (() => void)[] = [];
    const queue = new ConcurrentLaunches(clock, stalls, concurrency, ({ sequence }, start) => {
      starts.push({ sequence, ...start });
      return new Promise<void>((resolve) => ends.push(resolve));
    });
    const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    return {
      queue,
      starts,
      tick,
      end: () => ends.shift()?.(),
      async advanceTo(atMs: number) {
        clock.advanceTo(atMs);
        await settled();
      },
      /** Nothing runs until then. */
      async standStillUntil(atMs: number) {
        clock.jumpTo(atMs);
        await settled();
      },
    };
  }

  it('on time', async () => {
    const { queue, starts, advanceTo } = measuredQueue(10);
    queue.add([launch(0, 100), launch(1, 120)]);
    await advanceTo(100);
    await advanceTo(120);
    expect(starts).toEqual([
      { sequence: 0, heldMs: 0, startLagMs: 0, slotWaitMs: 0 },
      { sequence: 1, heldMs: 0, startLagMs: 0, slotWaitMs: 0 },
    ]);
  });

  it('late, since the event loop stood still', async () => {
    const { queue, starts, advanceTo, standStillUntil } = measuredQueue(10);
    queue.add([launch(0, 100), launch(1, 150)]);
    await advanceTo(90);
    await standStillUntil(200);
    expect(starts.map(({ startLagMs, slotWaitMs }) => [startLagMs, slotWaitMs])).toEqual([
      [100, 0],
      [50, 0],
    ]);
  });

  it('late, since it was released too late', async () => {
    const { queue, starts, advanceTo } = measuredQueue(10);
    await advanceTo(300);
    queue.add([launch(0, 100)]);
    await advanceTo(300);
    expect(starts).toMatchObject([{ startLagMs: 200, slotWaitMs: 0 }]);
  });

  it('when a slot was free: that is the fault of those before it, but for stalls', async () => {
    const { queue, starts, end, advanceTo, standStillUntil } = measuredQueue(1);
    queue.add([launch(0, 100), launch(1, 200)]);
    await advanceTo(100);
    await advanceTo(600);
    await standStillUntil(700);
    await advanceTo(1_000);
    end();
    await advanceTo(1_000);
    expect(starts[1]).toMatchObject({ startLagMs: 100, slotWaitMs: 700 });
  });

  it('in a burst that was asked for, which is late only by stalls', async () => {
    const { queue, starts, advanceTo, standStillUntil } = measuredQueue(10);
    await advanceTo(100);
    queue.add([launch(0, 90), launch(1, 90), launch(2, 150), launch(3, 150)]);
    await advanceTo(100);
    await advanceTo(140);
    await standStillUntil(170);
    expect(starts.map(({ startLagMs }) => startLagMs)).toEqual([0, 0, 20, 20]);
  });

  it('held, since the process was suspended', async () => {
    const { queue, starts, advanceTo, standStillUntil } = measuredQueue(10);
    queue.add([launch(0, 100), launch(1, 600)]);
    await advanceTo(200);
    await standStillUntil(4_300);
    await advanceTo(4_600);
    expect(starts[1]).toEqual({ sequence: 1, heldMs: 4_000, startLagMs: 0, slotWaitMs: 0 });
  });
});
