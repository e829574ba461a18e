import fc from 'fast-check';
import { expect, it } from 'vitest';
import { VirtualClock } from './virtual-clock.ts';

it('fires in the order of time, then of setting, and never what was cancelled', () => {
  const timers = fc.array(fc.record({ atMs: fc.nat(50), cancelled: fc.boolean() }), { maxLength: 200 });
  fc.assert(
    fc.property(timers, (wanted) => {
      const clock = new VirtualClock();
      const fired: number[] = [];
      const set = wanted.map(({ atMs }, index) =>
        clock.wakeAt(atMs, () => {
          expect(clock.nowMs()).toBe(atMs);
          fired.push(index);
        }),
      );
      wanted.forEach(({ cancelled }, index) => {
        if (cancelled) set[index]?.cancel();
      });
      const expected = wanted
        .map((timer, index) => ({ ...timer, index }))
        .filter(({ cancelled }) => !cancelled)
        .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
        .map(({ index }) => index);
      expect(clock.timers).toBe(expected.length);
      clock.runToEnd();
      expect(fired).toEqual(expected);
      expect(clock.timers).toBe(0);
    }),
  );
});
