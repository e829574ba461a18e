import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EtaFacts, etaOf } from '../../src/metrics/eta.ts';

const STEADY = { ended: 600, throttles: 0, durationMs: 60_000 };

/** A closed model with 30 slots, in which each registration takes 3 s, and one of a hundred 30 s. */
const CLOSED: EtaFacts = {
  toLaunch: 61,
  inFlight: [
    { count: 20, ageMs: 500 },
    { count: 10, ageMs: 1_500 },
  ],
  slotsAreFull: true,
  scheduleLeftMs: null,
  startLagMs: null,
  recent: STEADY,
  allowedPerSecond: null,
  registersPerDevice: 1,
  durationsMs: Array(30).fill(3_000),
  fastestMs: 3_000,
};
const WITH_SLOW = [...Array(99).fill(3_000), 30_000];
/** Half a minute after 600 devices came at once, and 20 a second have got through. */
const STORM: EtaFacts = {
  ...CLOSED,
  toLaunch: 0,
  inFlight: [{ count: 300, ageMs: 30_000 }],
  recent: { ended: 300, throttles: 2_000, durationMs: 15_000 },
  durationsMs: Array.from({ length: 300 }, (_, index) => 3_000 + index * 90),
};

describe('the ETA', () => {
  it.each<[string, EtaFacts, readonly [lowSeconds: number, highSeconds: number] | null]>([
    // Two turns of 3 s until the last launch, which takes the slot of the oldest after 1.5 s, and 3 s for it; 11.5% off.
    ['goes through the slots turn by turn', CLOSED, [9.73, 11.36]],
    ['may end with a slow one', { ...CLOSED, durationsMs: WITH_SLOW }, [10.45, 39.27]],
    ['follows the schedule where it is kept', { ...CLOSED, slotsAreFull: false, scheduleLeftMs: 20_000 }, [23, 23]],
    [
      'but not where launches are late',
      { ...CLOSED, slotsAreFull: false, scheduleLeftMs: 2_000, startLagMs: 1_500 },
      [9.73, 11.36],
    ],
    ['follows what quota and governor allow', { ...CLOSED, slotsAreFull: false, allowedPerSecond: 2 }, [33.5, 33.5]],
    [
      'counts repeated requests against what is allowed',
      { ...CLOSED, slotsAreFull: false, allowedPerSecond: 2, registersPerDevice: 1.5 },
      [44.59, 53.33],
    ],
    ['is the rest of the last one when all are launched', { ...CLOSED, toLaunch: 0 }, [2.5, 2.5]],
    [
      'counts on a slow one when the usual time is over',
      { ...CLOSED, toLaunch: 0, inFlight: [{ count: 1, ageMs: 4_000 }], durationsMs: WITH_SLOW },
      [0, 26],
    ],
    [
      'is not known beyond all that was seen',
      { ...CLOSED, toLaunch: 0, inFlight: [{ count: 1, ageMs: 31_000 }] },
      null,
    ],
    ['is not known while nothing ends', { ...CLOSED, inFlight: [{ count: 30, ageMs: 7_000 }] }, null],
    ['is not known before anything has ended', { ...CLOSED, durationsMs: [] }, null],
    ['is not known while nothing at all is allowed', { ...CLOSED, slotsAreFull: false, allowedPerSecond: 0 }, null],
    ['is what is left at the rate that the service grants while it throttles', STORM, [9.94, 23.37]],
    ['is not known while it grants nothing', { ...STORM, recent: { ...STORM.recent, ended: 0 } }, null],
    [
      'waits for a pause of the schedule, in which nothing ends',
      { ...CLOSED, inFlight: [], slotsAreFull: false, scheduleLeftMs: 300_000, recent: { ...STEADY, ended: 0 } },
      [303, 303],
    ],
    ['is nothing when all is done', { ...CLOSED, toLaunch: 0, inFlight: [] }, [0, 0]],
  ])('%s', (_, facts, expected) => {
    const eta = etaOf(facts);
    if (expected === null) expect(eta).toBeNull();
    else
      expect([(eta?.lowMs ?? 0) / 1_000, (eta?.highMs ?? 0) / 1_000]).toEqual(
        expected.map((seconds) => expect.closeTo(seconds, 1)),
      );
  });

  it('is absent, or a range of durations that are neither negative nor endless, whatever the state', () => {
    const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
    const facts = fc.record<EtaFacts>({
      toLaunch: fc.nat(1_000),
      inFlight: fc.array(fc.record({ count: fc.integer({ min: 1, max: 100 }), ageMs: amount }), { maxLength: 4 }),
      slotsAreFull: fc.boolean(),
      scheduleLeftMs: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true })),
      startLagMs: fc.option(amount),
      recent: fc.record({
        ended: fc.nat(100),
        throttles: fc.nat(100),
        durationMs: fc.double({ min: 1, max: 1e6, noNaN: true }),
      }),
      allowedPerSecond: fc.option(fc.oneof(fc.constant(0), amount)),
      registersPerDevice: fc.double({ min: 1, max: 10, noNaN: true }),
      durationsMs: fc.array(amount, { maxLength: 5 }).map((durations) => durations.toSorted((a, b) => a - b)),
      fastestMs: amount,
    });
    fc.assert(
      fc.property(facts, (state) => {
        const eta = etaOf(state);
        if (eta === null) return;
        expect(eta.lowMs).toBeGreaterThanOrEqual(0);
        expect(eta.highMs).toBeGreaterThanOrEqual(eta.lowMs);
        expect(eta.highMs).toBeLessThan(Number.POSITIVE_INFINITY);
      }),
    );
  });
});
