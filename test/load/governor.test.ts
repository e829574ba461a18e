import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Governor } from '../../src/load/governor.ts';

describe('governor', () => {
  it('allows its ceiling until the service throttles', () => {
    const governor = new Governor(12.5);
    expect(governor.ratePerSecondAt(0)).toBe(12.5);
    expect(governor.ratePerSecondAt(1e9)).toBe(12.5);
  });

  it('lowers the rate by 30% once a cool-down, waits for retry-after, and rises to the ceiling in a straight line', () => {
    const governor = new Governor(10);
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
    const governor = new Governor(10);
    let atMs = 0;
    for (let throttle = 0; throttle < 40; throttle += 1) atMs = governor.throttled(atMs, 1_000, 0);
    expect(governor.ratePerSecondAt(atMs)).toBeCloseTo(0.1, 9);
  });

  it('doubles its own cool-down from one throttle to the next, up to 100 s, and begins anew after a calm minute', () => {
    const governor = new Governor(10);
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
    expect(new Governor(10).throttled(5, 0, 0)).toBe(1_005);
  });

  it('without a ceiling, lowers what was launched lately, and rises beyond it', () => {
    const governor = new Governor(Number.POSITIVE_INFINITY);
    expect(governor.ratePerSecondAt(0)).toBe(Number.POSITIVE_INFINITY);
    governor.throttled(0, 1_000, 200);
    expect(governor.ratePerSecondAt(1_000)).toBeCloseTo(140, 9);
    expect(governor.ratePerSecondAt(1_000 + 300_000)).toBeCloseTo(340, 9);
    const slow = new Governor(Number.POSITIVE_INFINITY);
    slow.throttled(0, 1_000, 0);
    expect(slow.ratePerSecondAt(1_000)).toBeCloseTo(0.7, 9);
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
        const governor = new Governor(ceiling);
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
