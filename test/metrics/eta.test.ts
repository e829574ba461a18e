import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DurationHistogram } from '../../src/metrics/duration-histogram.ts';
import { type EtaFacts, etaMs } from '../../src/metrics/eta.ts';
import { ProgressFold } from '../../src/metrics/progress.ts';
import { outcomeRecord, sampleRecord, sessionRecord } from '../support/sample-journal.ts';

function durationsOf(...durationsMs: readonly number[]): DurationHistogram {
  const histogram = new DurationHistogram();
  for (const durationMs of durationsMs) histogram.recordMs(durationMs);
  return histogram;
}

/** A closed model in which one ends each 100 ms, each takes 3 s, and one of a hundred takes 30 s. */
const CLOSED: EtaFacts = {
  toLaunch: 100,
  inFlight: 30,
  slotsAreFull: true,
  scheduleLeftMs: null,
  startLagMs: null,
  endedPerSecond: 10,
  allowedPerSecond: null,
  registersPerDevice: 1,
  durations: durationsOf(...Array(99).fill(3_000), 30_000),
  sinceLastLaunchMs: 0,
};

describe('the ETA', () => {
  it.each<[string, Partial<EtaFacts>, number | null]>([
    ['is the launches at the rate of completions, and the last one', {}, 13_000],
    ['expects the slow ones where many are in flight', { inFlight: 200 }, 40_000],
    [
      'follows the schedule where there is one',
      { scheduleLeftMs: 20_000, startLagMs: 5, slotsAreFull: false, endedPerSecond: 1 },
      23_000,
    ],
    [
      'believes what is measured where the schedule is not kept',
      { scheduleLeftMs: 5_000, startLagMs: 1_500, slotsAreFull: false },
      13_000,
    ],
    ['believes what is measured where no slot is free', { scheduleLeftMs: 5_000, allowedPerSecond: 50 }, 13_000],
    ['follows what quota and governor allow', { allowedPerSecond: 2, slotsAreFull: false, endedPerSecond: 1 }, 53_000],
    ['counts repeated requests against what is allowed', { allowedPerSecond: 2, registersPerDevice: 1.5 }, 78_000],
    ['is the rest of the last one when all are launched', { toLaunch: 0, sinceLastLaunchMs: 1_000 }, 2_000],
    ['waits for a slow one when the usual time is over', { toLaunch: 0, sinceLastLaunchMs: 4_000 }, 26_000],
    ['is not known beyond all that was seen', { toLaunch: 0, sinceLastLaunchMs: 31_000 }, null],
    ['is not known while nothing ends', { endedPerSecond: 0 }, null],
    ['is not known before anything has ended', { durations: durationsOf() }, null],
    ['is not known while nothing at all is allowed', { allowedPerSecond: 0, slotsAreFull: false }, null],
    ['is nothing when all is done', { toLaunch: 0, inFlight: 0 }, 0],
  ])('%s', (_, changes, expected) => {
    const eta = etaMs({ ...CLOSED, ...changes });
    if (expected === null) expect(eta).toBeNull();
    else expect(eta).toBeCloseTo(expected, -2);
  });
});

it('is absent, or a duration that is neither negative nor endless, whatever the state', () => {
  const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
  const facts = fc.record<EtaFacts>({
    toLaunch: fc.nat(1_000),
    inFlight: fc.nat(100),
    slotsAreFull: fc.boolean(),
    scheduleLeftMs: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true })),
    startLagMs: fc.option(amount),
    endedPerSecond: amount,
    allowedPerSecond: fc.option(fc.oneof(fc.constant(0), amount)),
    registersPerDevice: fc.double({ min: 1, max: 10, noNaN: true }),
    durations: fc.array(amount, { maxLength: 5 }).map((durations) => durationsOf(...durations)),
    sinceLastLaunchMs: fc.double({ min: -1_000, max: 1e6, noNaN: true }),
  });
  fc.assert(
    fc.property(facts, (state) => {
      const eta = etaMs(state);
      if (eta === null) return;
      expect(eta).toBeGreaterThanOrEqual(0);
      expect(eta).toBeLessThan(Number.POSITIVE_INFINITY);
      if (state.toLaunch + state.inFlight > 0 && state.durations.percentileMs(0) !== 0) expect(eta).toBeGreaterThan(0);
    }),
  );
});

/** Runs of 600 registrations of 3 s each, by when the number `n` starts; the ETA is asked for each second. */
describe('over a whole run, the ETA is at no second further off than the stated part of what is left', () => {
  const COUNT = 600;
  const TAKES_MS = 3_000;
  it.each<[string, (launch: number) => number, 'open' | 'closed', number | null, number]>([
    ['an open model at 20/s', (launch) => launch * 50, 'open', null, 0.05],
    [
      'stages, 5/s and then 50/s',
      (launch) => (launch < 100 ? launch * 200 : 20_000 + (launch - 100) * 20),
      'open',
      null,
      0.05,
    ],
    ['60 slots, closed', (launch) => Math.floor(launch / 60) * TAKES_MS, 'closed', null, 0.5],
    ['200 slots, of which a quota lets 8/s be used', (launch) => launch * 125, 'closed', 8, 0.05],
  ])('%s', (_, startOf, model, allowed, partMax) => {
    const last = startOf(COUNT - 1);
    const fold = new ProgressFold({
      target: sessionRecord().target,
      name: null,
      registrations: COUNT,
      before: { settled: 0, assigned: 0, failed: 0 },
      ratePerSecond: null,
      allocation: null,
      estimateMs: 60_000,
      concurrency: model === 'closed' && allowed === null ? 60 : 200,
      scheduleLeftMs: (launch) => (model === 'open' ? last - startOf(Math.min(launch, COUNT - 1)) : null),
    });
    const endsMs = last + TAKES_MS;
    let settled = 0;
    let launched = 0;
    const countBy = (atMs: number): number =>
      Array.from({ length: COUNT }, (_, n) => startOf(n)).filter((ms) => ms <= atMs).length;
    for (let nowMs = 1_000; nowMs < endsMs; nowMs += 1_000) {
      const [launchedBefore, settledBefore] = [launched, settled];
      launched = countBy(nowMs);
      settled = countBy(nowMs - TAKES_MS);
      for (let row = settledBefore; row < settled; row += 1) {
        const startedAtMs = startOf(row);
        fold.add(outcomeRecord(row, { startedAtMs, finishedAtMs: startedAtMs + TAKES_MS }));
      }
      const inFlight = launched - settled;
      const counts = {
        inFlight,
        outstanding: inFlight,
        launched: launched - launchedBefore,
        settled: settled - settledBefore,
      };
      fold.addSample(
        sampleRecord(nowMs, { ...counts, rateAllowedPerSecond: allowed, startLagMaxMs: model === 'open' ? 1 : null }),
      );
      const { etaMs: eta } = fold.at(nowMs);
      if (nowMs < 2 * TAKES_MS) continue;
      expect(eta, `at ${nowMs} of ${endsMs} ms`).not.toBeNull();
      // A second is as often as it is measured.
      expect(Math.abs((eta ?? 0) - (endsMs - nowMs)), `at ${nowMs} of ${endsMs} ms`).toBeLessThan(
        1_100 + partMax * (endsMs - nowMs),
      );
    }
  });
});
