import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Governor } from '../../src/load/governor.ts';

/** What the load asks for is then no matter. */
const within = (ceilingPerSecond: number): Governor => new Governor(ceilingPerSecond, 1);
const asked = (askedPerSecond: number): Governor => new Governor(Number.POSITIVE_INFINITY, askedPerSecond);

describe('governor', () => {
  it('allows its ceiling until the service throttles', () => {
    const governor = within(12.5);
    expect(governor.ratePerSecondAt(0)).toBe(12.5);
    expect(governor.ratePerSecondAt(1e9)).toBe(12.5);
  });

  it('lowers the rate by 30% once a cool-down, waits for retry-after, and rises to the ceiling in a straight line', () => {
    const governor = within(10);
    expect(governor.throttled(1_000, 20_000, 0)).toBe(21_000);
    expect(governor.ratePerSecondAt(1_000)).toBeCloseTo(7, 9);
    // Answers to what was sent before.
    expect(governor.throttled(1_100, 20_000, 0)).toBe(21_100);
    expect(governor.throttled(1_200, null, 0)).toBe(21_100);
    expect(governor.throttled(1_300, 1_000, 0)).toBe(21_100);
    expect(governor.ratePerSecondAt(21_100)).toBeCloseTo(7, 9);
    // 3/s are a tenth of the ceiling three times: 90 s at 10/s in 300 s.
    expect(governor.ratePerSecondAt(21_100 + 45_000)).toBeCloseTo(8.5, 9);
    expect(governor.ratePerSecondAt(21_100 + 90_000)).toBeCloseTo(10, 9);
    expect(governor.ratePerSecondAt(21_100 + 900_000)).toBe(10);
  });

  it('lowers again when the lower rate is throttled too, down to 1% of the ceiling', () => {
    const governor = within(10);
    let atMs = 0;
    for (let throttle = 0; throttle < 40; throttle += 1) atMs = governor.throttled(atMs, 1_000, 0);
    expect(governor.ratePerSecondAt(atMs)).toBeCloseTo(0.1, 9);
  });

  it('doubles its own cool-down from one throttle to the next, up to 100 s, and begins anew after a calm minute', () => {
    const governor = within(10);
    let atMs = 0;
    const coolDowns = Array.from({ length: 9 }, () => {
      const untilMs = governor.throttled(atMs, null, 0);
      const coolDownMs = untilMs - atMs;
      atMs = untilMs;
      return coolDownMs;
    });
    expect(coolDowns).toEqual([1, 2, 4, 8, 16, 32, 64, 100, 100].map((seconds) => seconds * 1_000));
    const calmMs = atMs + 60_000;
    expect(governor.throttled(calmMs, null, 0)).toBe(calmMs + 1_000);
  });

  it('never cools down for less than a second', () => {
    expect(within(10).throttled(5, 0, 0)).toBe(1_005);
  });

  it('without a ceiling, lowers what the load asks for, though next to nothing was launched yet', () => {
    const governor = asked(60);
    expect(governor.ratePerSecondAt(0)).toBe(Number.POSITIVE_INFINITY);
    governor.throttled(0, 1_000, 0);
    expect(governor.ratePerSecondAt(1_000)).toBeCloseTo(42, 9);
    expect(governor.ratePerSecondAt(1_000 + 300_000)).toBeCloseTo(102, 9);
    expect(governor.throttled(1_000, null, 60)).toBe(3_000);
    // At first by 42/s in 300 s, after a minute by 60/s.
    expect(governor.ratePerSecondAt(3_000)).toBeCloseTo(0.7 * 42, 9);
    expect(governor.ratePerSecondAt(3_000 + 60_000)).toBeCloseTo(0.9 * 42, 9);
    expect(governor.ratePerSecondAt(3_000 + 360_000)).toBeCloseTo(0.9 * 42 + 60, 9);
  });

  it('without a ceiling, lowers what was launched where that is more', () => {
    const governor = asked(10);
    governor.throttled(0, 1_000, 200);
    expect(governor.ratePerSecondAt(1_000)).toBeCloseTo(140, 9);
    expect(governor.ratePerSecondAt(1_000 + 300_000)).toBeCloseTo(340, 9);
  });

  it('without a ceiling, is back at what the load asks for in 360 s, however far it was lowered', () => {
    const governor = asked(60);
    let atMs = 0;
    for (let throttle = 0; throttle < 40; throttle += 1) atMs = governor.throttled(atMs, 1_000, 1);
    expect(governor.ratePerSecondAt(atMs)).toBeCloseTo(0.6, 9);
    expect(governor.ratePerSecondAt(atMs + 360_000)).toBeGreaterThanOrEqual(60);
  });

  it('without a ceiling, lowers no rate that nobody uses', () => {
    const governor = asked(60);
    governor.throttled(0, 1_000, 0);
    expect(governor.ratePerSecondAt(3_600_000)).toBeGreaterThan(700);
    governor.throttled(3_600_000, 1_000, 60);
    expect(governor.ratePerSecondAt(3_601_000)).toBeCloseTo(42, 9);
  });

  it('is never above its ceiling nor at 0, and never ends a cool-down before the service allows', () => {
    const throttles = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 0, max: 200_000 }),
        retryAfterMs: fc.option(fc.integer({ min: 0, max: 120_000 }), { nil: null }),
      }),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1_000, noNaN: true }), throttles, (ceiling, events) => {
        const governor = within(ceiling);
        let atMs = 0;
        for (const { afterMs, retryAfterMs } of events) {
          atMs += afterMs;
          const before = governor.ratePerSecondAt(atMs);
          const untilMs = governor.throttled(atMs, retryAfterMs, 0);
          expect(untilMs).toBeGreaterThanOrEqual(atMs + (retryAfterMs ?? 0));
          expect(governor.ratePerSecondAt(atMs)).toBeLessThanOrEqual(before);
          expect(governor.ratePerSecondAt(untilMs)).toBeGreaterThan(0);
          expect(governor.ratePerSecondAt(untilMs + 1e7)).toBeLessThanOrEqual(ceiling);
        }
      }),
    );
  });
});
