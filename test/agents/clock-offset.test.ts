import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockOffset } from '../../src/agents/clock-offset.ts';

/** A ping between two axes, the own one ahead of the other by `aheadMs`, that takes so long there and back. */
function ping(sentAtMs: number, aheadMs: number, thereMs: number, backMs: number) {
  return { sentAtMs, atMs: sentAtMs + thereMs - aheadMs, receivedAtMs: sentAtMs + thereMs + backMs };
}

describe('ClockOffset', () => {
  it('knows nothing before the first ping', () => {
    expect(new ClockOffset().at(1_000)).toBeNull();
  });

  it('takes the middle of a round trip, uncertain by half of it', () => {
    const offset = new ClockOffset();
    offset.add(ping(1_000, 40, 5, 5));
    expect(offset.at(1_010)).toEqual({ offsetMs: 40, uncertaintyMs: expect.closeTo(5, 1) });
  });

  it('believes quick pings more than slow ones, and old ones less and less', () => {
    const offset = new ClockOffset();
    offset.add(ping(1_000, 40, 1, 1));
    offset.add(ping(1_250, 40, 300, 2));
    const fresh = offset.at(1_552)?.uncertaintyMs ?? 0;
    expect(fresh).toBeLessThan(2);
    expect(offset.at(61_552)?.uncertaintyMs).toBeGreaterThan(fresh + 50);
  });

  it('starts afresh when a clock was stopped', () => {
    const offset = new ClockOffset();
    for (let atMs = 0; atMs < 5_000; atMs += 250) offset.add(ping(atMs, 0, 1, 1));
    offset.add(ping(5_000, -30_000, 1, 1));
    expect(offset.at(5_002)).toEqual({ offsetMs: -30_000, uncertaintyMs: expect.closeTo(1, 1) });
  });

  it('moves towards a new estimate without a jump', () => {
    const offset = new ClockOffset();
    offset.add(ping(0, 10, 0, 4));
    const before = offset.at(4)?.offsetMs ?? 0;
    offset.add(ping(250, 10, 1, 1));
    const after = offset.at(252)?.offsetMs ?? 0;
    expect(before).toBe(12);
    expect(Math.abs(after - before)).toBeLessThanOrEqual(0.5);
    for (let atMs = 500; atMs < 5_000; atMs += 250) offset.add(ping(atMs, 10, 1, 1));
    expect(offset.at(5_000)?.offsetMs).toBeCloseTo(10, 0);
  });

  it('always states an uncertainty that holds the truth, whatever the delays and the drift', () => {
    const DELAYS = fc.array(fc.tuple(fc.nat({ max: 50 }), fc.nat({ max: 50 })), { minLength: 1, maxLength: 300 });
    const DRIFT = fc.double({ min: -0.9e-3, max: 0.9e-3, noNaN: true });
    fc.assert(
      fc.property(DELAYS, fc.integer({ min: -100_000, max: 100_000 }), DRIFT, (delays, startMs, drift) => {
        const offset = new ClockOffset();
        const aheadMs = (ownMs: number): number => startMs + ownMs * drift;
        for (const [index, [thereMs, backMs]] of delays.entries()) {
          const sentAtMs = index * 250;
          const answeredAtMs = sentAtMs + thereMs;
          const receivedAtMs = answeredAtMs + backMs;
          offset.add({ sentAtMs, atMs: answeredAtMs - aheadMs(answeredAtMs), receivedAtMs });
          const estimate = offset.at(receivedAtMs);
          const errorMs = Math.abs((estimate?.offsetMs ?? Number.NaN) - aheadMs(receivedAtMs));
          expect(errorMs).toBeLessThanOrEqual((estimate?.uncertaintyMs ?? 0) + 1e-6);
        }
      }),
      { numRuns: 50 },
    );
  });
});
