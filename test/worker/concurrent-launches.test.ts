import { describe, expect, it } from 'vitest';
import { StallWatch } from '../../src/load/stall-watch.ts';
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
