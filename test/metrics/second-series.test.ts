import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalRecord, OutcomeRecord } from '../../src/journal/journal-record.ts';
import { outcomeTimes } from '../../src/metrics/outcome-times.ts';
import { SecondSeries } from '../../src/metrics/second-series.ts';
import { outcomeRecord, sampleJournal, sampleRecord } from '../support/sample-journal.ts';
import { STALLED_RUN, stalledJournal } from '../support/stalled-journal.ts';

function seriesOf(records: readonly JournalRecord[]): SecondSeries {
  const series = new SecondSeries();
  for (const record of records) {
    if (record.kind === 'session') series.beginStretch();
    if (record.kind === 'outcome') series.add(record, 0);
    if (record.kind === 'sample') series.addSample(record, 0);
  }
  return series;
}

describe('the seconds of a run', () => {
  it('count what happened in each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(), (rows, seed) => {
        const records = sampleJournal(rows, seed);
        const outcomes = records.filter((record): record is OutcomeRecord => record.kind === 'outcome');
        for (const { second, ...seen } of seriesOf(records).seconds()) {
          const within = (ms: number | null): boolean => ms !== null && Math.floor(ms / 1000) === second;
          const by = (ms: number | null): boolean => ms !== null && ms < (second + 1) * 1000;
          const ended = outcomes.filter(({ finishedAtMs }) => within(finishedAtMs));
          const assigned = ended.filter(({ result }) => result === 'assigned');
          expect(seen).toMatchObject({
            intended: outcomes.filter(({ intendedAtMs }) => within(intendedAtMs)).length,
            launched: outcomes.filter(({ startedAtMs }) => within(startedAtMs)).length,
            ended: ended.length,
            assigned: assigned.length,
            inFlight: outcomes.filter((one) => by(one.startedAtMs) && !by(one.finishedAtMs)).length,
          });
          const slowest = Math.max(0, ...assigned.map((one) => outcomeTimes(one)?.serviceMs ?? 0));
          expect(Math.abs((seen.service?.maxMs ?? 0) - slowest)).toBeLessThanOrEqual(slowest * 0.006 + 0.001);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('show a stall as seconds in which nothing ends, and whom it kept waiting by their intended start', () => {
    const seconds = Array.from(seriesOf(stalledJournal()).seconds());
    const from = STALLED_RUN.stallFromMs / 1000;
    expect(
      seconds.slice(from - 1, from + 6).map(({ ended, launched, inFlight }) => [launched, ended, inFlight]),
    ).toEqual([[50, 50, 5], ...[55, 105, 155, 205, 255].map((inFlight) => [50, 0, inFlight]), [50, 300, 5]]);
    expect(seconds[from + 2]?.service).toBeNull();
    expect(seconds[from + 2]?.response?.p50Ms).toBeCloseTo(2_630, -2);
    expect(seconds.map(({ second }) => second)).toEqual(seconds.map((_, index) => index));
  });

  it('have the sample of the time that it covers, absent where there is none', () => {
    const series = new SecondSeries();
    series.beginStretch();
    series.addSample(
      sampleRecord(2000, { overMs: 1400, throttles: 2, startLagMaxMs: 12.5, emulatorCpuShare: null }),
      0,
    );
    series.add(outcomeRecord(0, { intendedAtMs: 700, startedAtMs: 700, finishedAtMs: 800, waitedMs: 0 }), 0);
    expect(Array.from(series.seconds())).toMatchObject([
      { second: 0, launched: 1, throttles: 0, startLagMaxMs: null, cpuShare: null },
      { second: 1, launched: 0, throttles: 2, startLagMaxMs: 12.5, cpuShare: 0.5, emulatorCpuShare: null },
    ]);
  });

  it('have no rows between sessions, even if years lie between them', () => {
    const series = new SecondSeries();
    const years = 50 * 365 * 86_400_000;
    for (const offsetMs of [0, years]) {
      series.beginStretch();
      series.add(outcomeRecord(0, { intendedAtMs: 0, startedAtMs: 10, finishedAtMs: 1500 }), offsetMs);
    }
    expect(Array.from(series.seconds(), ({ second }) => second)).toEqual([0, 1, years / 1000, years / 1000 + 1]);
  });
});
