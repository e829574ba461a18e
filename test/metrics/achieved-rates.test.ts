import { describe, expect, it } from 'vitest';
import { AchievedRates } from '../../src/metrics/achieved-rates.ts';
import { outcomeRecord } from '../support/sample-journal.ts';

type Run = { readonly startedAtMs: number; readonly finishedAtMs: number | null };

function ratesOf(...sessions: readonly (readonly Run[])[]) {
  const rates = new AchievedRates();
  for (const session of sessions) {
    rates.beginSession();
    for (const [row, run] of session.entries()) rates.add(outcomeRecord(row, run));
  }
  return rates.values();
}

/** Within 3%: buckets of completions are cut where the window ends. */
function expectRate(perSecond: number | null, expected: number): void {
  expect(Math.abs((perSecond ?? 0) / expected - 1)).toBeLessThan(0.03);
}

/** At a rate that is kept, against a service that takes this long. */
const atRate = (perSecond: number, count: number, tookMs: (index: number) => number): Run[] =>
  Array.from({ length: count }, (_, index) => {
    const startedAtMs = 100 + (index * 1_000) / perSecond;
    return { startedAtMs, finishedAtMs: startedAtMs + tookMs(index) };
  });

describe('the rates while a run launches', () => {
  it.each<[string, number, number, (index: number) => number]>([
    ['a fast service', 100, 1_000, () => 30],
    ['a tail of 3 s, a quarter of the run', 100, 1_000, () => 3_000],
    ['times that vary', 100, 2_000, (index) => 500 + ((index * 7_919) % 1_000)],
    ['a low rate', 0.5, 20, () => 800],
    ['a run of an hour', 10, 36_000, () => 4_000],
  ])('are the rate that was kept, with %s', (_, perSecond, count, tookMs) => {
    const { launchedPerSecond, steadyEndedPerSecond } = ratesOf(atRate(perSecond, count, tookMs));
    expect(launchedPerSecond).toBeCloseTo(perSecond, 2);
    expectRate(steadyEndedPerSecond, perSecond);
  });

  it('show a service that does not keep up, by its completions', () => {
    // Launched at 100/s, ended at 50/s: the time in progress grows.
    const run = atRate(100, 1_000, (index) => 20 + index * 10);
    const { launchedPerSecond, steadyEndedPerSecond } = ratesOf(run);
    expect(launchedPerSecond).toBeCloseTo(100, 2);
    expectRate(steadyEndedPerSecond, 50);
  });

  it('are those of the slots in the closed model', () => {
    // 10 slots, 500 ms each: 20/s.
    const run = Array.from({ length: 200 }, (_, index) => {
      const startedAtMs = Math.floor(index / 10) * 500 + (index % 10) * 37;
      return { startedAtMs, finishedAtMs: startedAtMs + 500 };
    });
    expectRate(ratesOf(run).launchedPerSecond, 20);
    expectRate(ratesOf(run).steadyEndedPerSecond, 20);
  });

  it('are counted within each session, not between them', () => {
    const session = atRate(50, 500, () => 1_000);
    const { launchedPerSecond, steadyEndedPerSecond } = ratesOf(session, session, []);
    expect(launchedPerSecond).toBeCloseTo(50, 2);
    expectRate(steadyEndedPerSecond, 50);
  });

  it('are unknown of nothing, and of a burst', () => {
    const nothing = { launchedPerSecond: null, steadyEndedPerSecond: null };
    expect(ratesOf()).toEqual(nothing);
    expect(ratesOf(atRate(1_000, 900, () => 50))).toEqual(nothing);
  });

  it('know launches of which none has ended', () => {
    const hanging = atRate(10, 100, () => 0).map((run) => ({ ...run, finishedAtMs: null }));
    const { launchedPerSecond, steadyEndedPerSecond } = ratesOf(hanging);
    expect(launchedPerSecond).toBeCloseTo(10, 2);
    expect(steadyEndedPerSecond).toBeNull();
  });
});
