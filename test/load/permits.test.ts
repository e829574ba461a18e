import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Permits } from '../../src/load/permits.ts';
import { busiestWindow } from '../support/busiest-window.ts';
import { demand } from '../support/demand.ts';

const MINUTE_MS = 60_000;

/** What may happen to permits, one after the other: time goes on, somebody takes, waits or leaves, or a hold comes. */
const happenings = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('sleep' as const), ms: fc.double({ min: 0, max: 90_000, noNaN: true }) }),
    fc.record({ what: fc.constant('launch' as const), ms: fc.integer({ min: 0, max: 2_000 }) }),
    fc.record({ what: fc.constant('wait' as const), ms: fc.constant(0) }),
    fc.record({ what: fc.constant('hold' as const), ms: fc.integer({ min: 0, max: 60_000 }) }),
    fc.record({ what: fc.constant('slower' as const), ms: fc.integer({ min: 1, max: 100 }) }),
  ),
  { maxLength: 200 },
);

describe('permits', () => {
  it('never give more than the share in any 60 seconds, and none before its time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), happenings, (share, events) => {
        let rate = share / 60;
        let nowMs = 0;
        const given: number[] = [];
        const permits = new Permits<number>(() => rate);
        for (const { what, ms } of events) {
          if (what === 'sleep') nowMs += ms;
          if (what === 'slower') rate = share / 60 / ms;
          if (what === 'wait') permits.wait(given.length);
          if (what === 'hold') permits.holdUntil(nowMs + ms);
          if (what === 'launch') {
            const untilMs = nowMs + ms;
            const count = Math.min(3_000, permits.countBy(nowMs, untilMs));
            for (let taken = 0; taken < count; taken += 1) {
              const atMs = permits.take(nowMs);
              demand(atMs >= Math.max(nowMs, given.at(-1) ?? 0), `${atMs} is neither past nor before another`);
              demand(atMs <= untilMs, `${atMs} is not after ${untilMs}`);
              given.push(atMs);
            }
          }
          given.push(...[...permits.grantDue(nowMs)].map(() => nowMs));
        }
        expect(busiestWindow(given, MINUTE_MS)).toBeLessThanOrEqual(share);
      }),
    );
  });

  it('keep any 60 seconds to the quota where requests are sent, however late within their validity', () => {
    const delays = fc.array(fc.record({ afterMs: fc.nat({ max: 2_000 }), told: fc.boolean(), used: fc.boolean() }), {
      minLength: 50,
      maxLength: 300,
      size: 'max',
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat({ max: 100 }), delays, (share, errorMs, permitsTaken) => {
        const permits = new Permits<number>(() => share / 60, { perMinute: share, validMs: 2_000 });
        permits.setClockErrorMs(errorMs);
        const sentAtMs: number[] = [];
        let nowMs = 0;
        for (const { afterMs, told, used } of permitsTaken) {
          const count = permits.countBy(nowMs, nowMs + 5_000);
          const validFromMs = permits.take(nowMs);
          demand(
            validFromMs <= nowMs + 5_000 === count > 0,
            `${count} permits are due within 5 s, the first at ${validFromMs}`,
          );
          nowMs = validFromMs;
          const lapsesAtMs = permits.lapsesAtMs(validFromMs) ?? 0;
          demand(lapsesAtMs === validFromMs + 2_000, `a permit of ${validFromMs} lapses 2 s later`);
          if (used) sentAtMs.push(validFromMs + afterMs);
          if (told) permits.used(lapsesAtMs, used ? validFromMs + afterMs : null);
        }
        expect(busiestWindow(sentAtMs, MINUTE_MS + errorMs)).toBeLessThanOrEqual(share);
      }),
    );
  });

  it('lose no time to a request that was sent late when others were not', () => {
    const permits = new Permits<number>(() => 1_000, { perMinute: 10, validMs: 3_000 });
    const first = Array.from({ length: 10 }, () => permits.take(0));
    for (const [index, atMs] of first.entries()) {
      const sentAtMs = index === 0 ? atMs + 2_900 : atMs + 5;
      permits.used(permits.lapsesAtMs(atMs) ?? 0, sentAtMs);
    }
    expect(permits.countBy(0, MINUTE_MS)).toBe(0);
    expect(permits.countBy(0, MINUTE_MS + 14)).toBe(9);
    expect(Array.from({ length: 10 }, () => permits.take(0))).toEqual([
      ...Array.from({ length: 9 }, (_, index) => MINUTE_MS + 6 + index),
      MINUTE_MS + 2_900,
    ]);
  });

  it('that were not used leave their place to others', () => {
    const permits = new Permits<number>(() => 1_000, { perMinute: 2, validMs: 3_000 });
    permits.take(0);
    permits.used(permits.lapsesAtMs(permits.take(0)) ?? 0, null);
    expect([permits.take(0), permits.take(0)]).toEqual([2, MINUTE_MS + 3_000]);
  });

  it('are spread evenly, and a lost minute is not caught up', () => {
    const permits = new Permits(() => 750 / 60);
    const first = Array.from({ length: 100 }, () => permits.take(0));
    expect(first.map((atMs, index) => atMs - index * 80)).toEqual(first.map(() => 0));
    expect(permits.take(MINUTE_MS)).toBe(MINUTE_MS);
    expect(permits.take(MINUTE_MS)).toBe(MINUTE_MS + 80);
  });

  it('reach the share: a minute of demand gets all of it', () => {
    for (const share of [1, 7, 750, 900, 999, 1000]) {
      const permits = new Permits(() => share / 60);
      const given = Array.from({ length: 3 * share }, () => permits.take(0));
      expect(given.filter((atMs) => atMs < MINUTE_MS)).toHaveLength(share);
    }
  });

  it('go to requests that wait before new launches, in their order, as their time comes', () => {
    const permits = new Permits<string>(() => 1);
    expect(permits.take(0)).toBe(0);
    permits.wait('a');
    permits.wait('b');
    permits.wait('c');
    permits.leave('b');
    expect(permits.countBy(0, 10_000)).toBe(0);
    expect(permits.nextGrantAtMs).toBe(1_000);
    expect([...permits.grantDue(999)]).toEqual([]);
    expect([...permits.grantDue(1_000)]).toEqual([['a', 1_000]]);
    expect([...permits.grantDue(5_000)]).toEqual([['c', 5_000]]);
    expect(permits.nextGrantAtMs).toBeNull();
    expect(permits.countBy(5_000, 7_000)).toBe(2);
  });

  it('are held until the moment that is asked for, and an earlier one does not shorten it', () => {
    const permits = new Permits<string>(() => 10);
    permits.holdUntil(500);
    permits.holdUntil(100);
    expect(permits.countBy(0, 499)).toBe(0);
    expect(permits.countBy(0, 500)).toBe(1);
    expect(permits.take(0)).toBe(500);
  });

  it('are counted a second, whether the last has only begun or is long over', () => {
    const permits = new Permits<string>(() => Number.POSITIVE_INFINITY);
    const take = (count: number, fromMs: number, byMs: number): void => {
      for (let taken = 0; taken < count; taken += 1) permits.take(fromMs + taken * byMs);
    };
    expect(permits.recentPerSecond).toBe(0);
    take(3, 900, 50);
    expect(permits.recentPerSecond).toBe(3);
    take(57, 1_050, 10);
    expect(permits.recentPerSecond).toBe(60);
    take(5, 1_900, 100);
    expect(permits.recentPerSecond).toBe(60);
    take(40, 60_000, 0);
    expect(permits.recentPerSecond).toBe(40);
    permits.wait('a');
    permits.grantDue(61_000);
    permits.take(62_000);
    expect(permits.recentPerSecond).toBe(1);
  });

  it('are unlimited where nothing bounds them', () => {
    const permits = new Permits(() => Number.POSITIVE_INFINITY);
    expect(permits.countBy(5, 5)).toBe(Number.POSITIVE_INFINITY);
    expect([permits.take(5), permits.take(5)]).toEqual([5, 5]);
  });
});
