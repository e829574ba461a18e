import { describe, expect, it } from 'vitest';
import { AdvancedClock } from '../../src/time/advanced-clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A clock, what it is based on, and what has fired so far, with the time. */
function clocks() {
  const base = new VirtualClock();
  const clock = new AdvancedClock(base);
  const fired: string[] = [];
  const at = (atMs: number, name: string, then = (): void => {}) =>
    clock.wakeAt(atMs, () => {
      fired.push(`${name} at ${clock.nowMs()}`);
      then();
    });
  return { base, clock, fired, at };
}

describe('a clock that is put forward', () => {
  it('goes as its base does, and is ahead of it from then on', () => {
    const { base, clock } = clocks();
    base.advanceTo(10);
    clock.advance(1_000);
    base.advanceTo(15);
    expect([clock.nowMs(), clock.epochMs() - base.epochMs(), clock.aheadMs]).toEqual([1_015, 1_000, 1_000]);
  });

  it('fires what it passes over in order, each at its own time, with what is set on the way', () => {
    const { clock, fired, at } = clocks();
    at(300, 'c');
    at(100, 'a', () => at(200, 'b'));
    at(300, 'd');
    at(301, 'e');
    clock.advance(300);
    expect(fired).toEqual(['a at 100', 'b at 200', 'c at 300', 'd at 300']);
  });

  it('fires what remains as much earlier, and nothing twice', () => {
    const { base, clock, fired, at } = clocks();
    at(100, 'a');
    at(500, 'b');
    clock.advance(450);
    base.advanceTo(49);
    expect(fired).toEqual(['a at 100']);
    base.runToEnd();
    expect(fired).toEqual(['a at 100', 'b at 500']);
    expect(base.timers).toBe(0);
  });

  it('never fires what was cancelled', () => {
    const { base, clock, fired, at } = clocks();
    const late = at(200, 'late');
    at(100, 'a', () => late.cancel());
    at(400, 'later').cancel();
    clock.advance(300);
    base.runToEnd();
    expect(fired).toEqual(['a at 100']);
  });

  it('lets nothing wait that is cancelled with all else', () => {
    const { base, clock, fired, at } = clocks();
    at(100, 'a');
    at(200, 'b');
    clock.cancelAll();
    expect(base.timers).toBe(0);
    clock.advance(300);
    at(400, 'c');
    base.runToEnd();
    expect(fired).toEqual(['c at 400']);
  });
});
