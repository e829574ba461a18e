import { describe, expect, it } from 'vitest';
import { paceOf } from '../../src/load/pace.ts';
import { Permits } from '../../src/load/permits.ts';
import { Schedule, type ScheduleParts } from '../../src/load/schedule.ts';

function schedule(parts: Partial<ScheduleParts>): Schedule {
  return new Schedule({
    pace: paceOf({ kind: 'closed' }, 0),
    permits: null,
    endAtMs: Number.POSITIVE_INFINITY,
    ...parts,
  });
}

describe('schedule', () => {
  it('is the pace where nothing else bounds it', () => {
    const open = schedule({ pace: paceOf({ kind: 'rate', ratePerSecond: 10 }, 0) });
    expect(open.placeable(0, 1_000)).toBe(11);
    expect(open.place(0, 0, null)).toEqual({ intendedAtMs: 0, heldMs: 0, notBeforeMs: 0, permitUntilMs: null });
    expect(open.place(0, 0, null)).toEqual({ intendedAtMs: 100, heldMs: 0, notBeforeMs: 100, permitUntilMs: null });
    expect(open.placeable(0, 1_000)).toBe(9);
    expect(schedule({}).placeable(0, 1_000)).toBe(Number.POSITIVE_INFINITY);
    expect(schedule({}).place(7, 0, null)).toEqual({
      intendedAtMs: null,
      heldMs: 0,
      notBeforeMs: null,
      permitUntilMs: null,
    });
  });

  it('gives a closed model within a quota the moments of its permits', () => {
    const metered = schedule({ permits: new Permits(() => 10) });
    expect(metered.placeable(0, 1_000)).toBe(11);
    expect(metered.place(0, 0, null)).toEqual({
      intendedAtMs: null,
      heldMs: 0,
      notBeforeMs: null,
      permitUntilMs: null,
    });
    expect(metered.place(0, 0, null)).toEqual({ intendedAtMs: 100, heldMs: 0, notBeforeMs: 100, permitUntilMs: null });
  });

  it('holds a launch that is due before its permit, and counts that apart from waiting for a slot', () => {
    const placed = (slotsFreeSinceMs: number) => {
      const permits = new Permits<never>(() => 1);
      permits.holdUntil(10_000);
      const metered = schedule({ pace: paceOf({ kind: 'rate', ratePerSecond: 10 }, 0), permits });
      expect(metered.placeable(0, 9_999)).toBe(0);
      return metered.place(9_500, slotsFreeSinceMs, null);
    };
    // Whatever it waited for, it starts with its permit.
    expect(placed(0)).toEqual({ intendedAtMs: 0, heldMs: 10_000, notBeforeMs: 10_000, permitUntilMs: null });
    expect(placed(4_000)).toEqual({ intendedAtMs: 0, heldMs: 6_000, notBeforeMs: 10_000, permitUntilMs: null });
  });

  it('takes no permit before the intended start', () => {
    const metered = schedule({ pace: paceOf({ kind: 'rate', ratePerSecond: 1 }, 500), permits: new Permits(() => 10) });
    expect(metered.place(0, 0, null)).toEqual({ intendedAtMs: 500, heldMs: 0, notBeforeMs: 500, permitUntilMs: null });
    expect(metered.place(0, 0, null)).toEqual({
      intendedAtMs: 1_500,
      heldMs: 0,
      notBeforeMs: 1_500,
      permitUntilMs: null,
    });
  });

  it('counts a launch that is made again from its first intended start, and starts it in its turn', () => {
    const open = schedule({ pace: paceOf({ kind: 'rate', ratePerSecond: 10 }, 30_000) });
    expect(open.place(30_000, 0, 70)).toEqual({
      intendedAtMs: 70,
      heldMs: 0,
      notBeforeMs: 30_000,
      permitUntilMs: null,
    });
    const metered = schedule({ permits: new Permits(() => 10) });
    metered.place(0, 0, null);
    expect(metered.place(0, 0, 70)).toEqual({ intendedAtMs: 70, heldMs: 0, notBeforeMs: 100, permitUntilMs: null });
  });

  it('ends when its time is over, or its pace', () => {
    const timed = schedule({ pace: paceOf({ kind: 'rate', ratePerSecond: 10 }, 0), endAtMs: 1_000 });
    expect(timed.placeable(500, 5_000)).toBe(10);
    expect([timed.isOver(999), timed.isOver(1_000)]).toEqual([false, true]);
    const staged = schedule({
      pace: paceOf({ kind: 'stages', stages: [{ ratePerSecond: 2, forMs: 1_000, ramp: false }] }, 0),
    });
    expect(staged.placeable(0, 1e9)).toBe(2);
    staged.place(0, 0, null);
    expect(staged.isOver(0)).toBe(false);
    staged.place(0, 0, null);
    expect(staged.isOver(0)).toBe(true);
    staged.giveBack(1);
    expect(staged.isOver(0)).toBe(false);
  });

  it('goes on after an outage as if no time had passed, with the launches that were handed back', () => {
    const open = schedule({ pace: paceOf({ kind: 'rate', ratePerSecond: 10 }, 0) });
    for (let launch = 0; launch < 11; launch += 1) open.place(0, 0, null);
    open.pause(500);
    expect(open.isPaused).toBe(true);
    expect(open.placeable(600, 1_600)).toBe(0);
    expect(open.placeProbe(600)).toEqual({ intendedAtMs: 600, heldMs: 0, notBeforeMs: 600, permitUntilMs: null });
    // Those meant for 500 ms and later have not been started.
    open.giveBack(6);
    open.resume(60_500);
    expect(open.place(60_500, 0, null).intendedAtMs).toBeCloseTo(60_500, 6);
    expect(open.placeable(60_500, 61_500)).toBe(10);
  });

  it('goes on after a standstill from where it was', () => {
    const open = schedule({ pace: paceOf({ kind: 'rate', ratePerSecond: 10 }, 0) });
    for (let launch = 0; launch < 11; launch += 1) open.place(0, 0, null);
    open.skip(60_000);
    expect(open.place(61_100, 0, null).intendedAtMs).toBeCloseTo(61_100, 6);
    // A pause counts it already.
    open.pause(70_000);
    open.skip(60_000);
    open.resume(130_000);
    expect(open.place(130_000, 0, null).intendedAtMs).toBeCloseTo(121_200, 6);
  });
});
