import { describe, expect, it } from 'vitest';
import type { OutcomeRecord, SampleRecord } from '../../src/journal/journal-record.ts';
import { LatencyHistograms } from '../../src/metrics/latency-histograms.ts';
import { type HealthBasis, LoadGeneratorHealth } from '../../src/metrics/load-generator-health.ts';
import { withoutStalls } from '../../src/metrics/outcome-times.ts';
import { CLOSED_MODEL } from '../support/run-measures.ts';
import { outcomeRecord, sampleRecord, stalledTimes } from '../support/sample-journal.ts';

const RATE = { isOpenModel: true, isPaced: true, ratePerSecond: 50 };

/** A device of a run at 50/s whose service took 60 ms and its answer 50, plus what the load generator added to both. */
function device(row: number, addedMs = 0, changes: Partial<OutcomeRecord> = {}): OutcomeRecord {
  const startedAtMs = row * 20;
  return outcomeRecord(row, {
    intendedAtMs: startedAtMs,
    startedAtMs,
    finishedAtMs: startedAtMs + 60 + addedMs,
    waitedMs: 0,
    phases: { dnsMs: null, tcpMs: 1, tlsMs: 5, connackMs: 2, subackMs: 2, acceptedMs: 50 + addedMs, assignedMs: 0 },
    stalled: addedMs === 0 ? null : stalledTimes({ serviceMs: addedMs, acceptedMs: addedMs }),
    ...changes,
  });
}

function judged(
  outcomes: readonly OutcomeRecord[],
  samples: readonly SampleRecord[] = [],
  basis: Partial<HealthBasis> = RATE,
) {
  const health = new LoadGeneratorHealth();
  const [latency, best] = [new LatencyHistograms(), new LatencyHistograms()];
  for (const sample of samples) health.add(sample, 0);
  for (const outcome of outcomes) {
    health.addOutcome(outcome, 0);
    latency.add(outcome);
    best.add(withoutStalls(outcome));
  }
  return health.summary({ ...CLOSED_MODEL, latency, withoutStalls: best, ...basis });
}

const devices = (count: number, addedMs: (row: number) => number = () => 0) =>
  Array.from({ length: count }, (_, row) => device(row, addedMs(row)));

describe('the load generator limits a run', () => {
  it('when its delays may account for part of a percentile: names it, both bounds, and when this was', () => {
    const { limited, affected, limitedPeriods, limits } = judged(
      devices(1_000, (row) => (row >= 500 && row < 520 ? 400 : 0)),
    );
    expect(limited).toBe(true);
    expect(affected.map(({ metric, percentile }) => `${metric} p${percentile}`)).toEqual([
      'response p99',
      'service p99',
      'accepted p99',
    ]);
    expect(affected[0]?.measuredMs).toBeCloseTo(460, 0);
    expect(affected[0]?.withoutMs).toBeCloseTo(60, 0);
    expect(limitedPeriods).toEqual([{ fromMs: 10_000, toMs: 10_875 }]);
    expect(limits.filter(({ exceeded }) => exceeded).map(({ name }) => name)).toEqual(['timeShare']);
  });

  it('not when they are rarer than the percentiles that are reported', () => {
    expect(judged(devices(1_000, (row) => (row < 5 ? 4_000 : 0)))).toMatchObject({
      limited: false,
      limitedPeriods: [],
    });
  });

  it('not when a percentile is the bad luck of a few devices', () => {
    expect(judged(devices(80, (row) => (row < 4 ? 400 : 0))).limited).toBe(false);
  });

  it.each([
    [4.9, false],
    [5.1, true],
  ])('not for what is no more than the usual work of a client: %s ms', (addedMs, limited) => {
    expect(judged(devices(1_000, () => addedMs)).limited).toBe(limited);
  });

  it('not for less than a twentieth of a long time', () => {
    const slow = (addedMs: number) =>
      devices(1_000).map((one) => ({
        ...one,
        finishedAtMs: (one.startedAtMs ?? 0) + 10_000 + addedMs,
        phases: { ...one.phases, acceptedMs: 10 },
        stalled: stalledTimes({ serviceMs: addedMs }),
      }));
    expect([judged(slow(400)).limited, judged(slow(600)).limited]).toEqual([false, true]);
  });

  it('when the process was suspended for too large a part of the launches, which all started on time', () => {
    const late = devices(300).map((one, row) => {
      const laterMs = row < 100 ? 0 : 4_000;
      const [started, finished] = [one.startedAtMs ?? 0, one.finishedAtMs ?? 0];
      return {
        ...one,
        intendedAtMs: started + laterMs,
        startedAtMs: started + laterMs,
        finishedAtMs: finished + laterMs,
      };
    });
    const suspended = sampleRecord(6_000, { suspendedMs: 4_000 });
    const { limited, launchRate, limitedPeriods } = judged(late, [suspended]);
    expect([limited, limitedPeriods]).toEqual([true, [{ fromMs: 2_000, toMs: 6_125 }]]);
    expect(launchRate?.achievedPerSecond).toBeCloseTo(299 / 9.98);
    expect(launchRate?.withoutPerSecond).toBeCloseTo(50);
    expect(judged(late, [sampleRecord(12_000, { suspendedMs: 4_000 })]).limited).toBe(false);
    expect(judged(late, [suspended], { ...RATE, isPaced: false }).limited).toBe(false);
  });

  it('when it falls behind the rate by its own lateness', () => {
    const behind = devices(300).map((one, row) => ({
      ...one,
      startedAtMs: (one.startedAtMs ?? 0) + row * 2,
      finishedAtMs: (one.finishedAtMs ?? 0) + row * 2,
      stalled: stalledTimes({ startLagMs: row * 2 }),
    }));
    const { limits, launchRate } = judged(behind);
    expect(limits.find(({ name }) => name === 'launchRateShare')).toMatchObject({ exceeded: true, observed: 0.091 });
    expect(launchRate?.withoutPerSecond).toBeCloseTo(50);
  });

  it.each([
    ['for long', 12, 60, true],
    ['for too short a time', 9, 20, false],
    ['for too small a part of the run', 12, 130, false],
  ])('when a worker had almost no idle time: %s', (_, saturatedSeconds, seconds, limited) => {
    const samples = Array.from({ length: seconds }, (_, second) =>
      sampleRecord((second + 1) * 1_000, { saturatedMs: second < saturatedSeconds ? 1_000 : 0 }),
    );
    expect(judged([device(0)], samples)).toMatchObject({ limited, saturatedMs: saturatedSeconds * 1_000 });
  });

  it('never by what it measures of itself: busy cores, one slow second', () => {
    const samples = Array.from({ length: 10 }, (_, second) =>
      sampleRecord(second * 1_000, { loopDelayMaxMs: [second === 3 ? 500 : 5], cpuShare: 2 }),
    );
    expect(judged(devices(300), samples)).toMatchObject({ limited: false, loopDelayMaxMs: 500 });
  });
});

describe('slots that do not suffice', () => {
  const waiting = (waitMs: number) =>
    devices(1_000).map((one) => ({
      ...one,
      startedAtMs: (one.startedAtMs ?? 0) + waitMs,
      finishedAtMs: (one.finishedAtMs ?? 0) + waitMs,
      slotWaitMs: waitMs,
    }));

  it('are a finding of their own, with the number that is needed', () => {
    const { limited, outOfSlots } = judged(waiting(500));
    expect(limited).toBe(false);
    expect(outOfSlots).toMatchObject({ waited: 1_000, launches: 1_000, slotsNeeded: 3 });
    expect(outOfSlots?.waitP95Ms).toBeCloseTo(500, 0);
  });

  it('are none where nothing waited for long, or nothing is late', () => {
    expect(judged(waiting(0)).outOfSlots).toBeNull();
    expect(judged(waiting(4)).outOfSlots).toBeNull();
    expect(judged(waiting(500), [], { isOpenModel: false }).outOfSlots).toBeNull();
  });
});

it('keeps what was not measured apart from 0', () => {
  const health = new LoadGeneratorHealth();
  health.add(sampleRecord(0, { fileDescriptors: null, emulatorCpuShare: null, cpuShare: 0 }), 0);
  expect(health.summary(CLOSED_MODEL)).toMatchObject({ cpuShareMax: 0, fileDescriptorsMax: null, startLagP99Ms: null });
  expect(new LoadGeneratorHealth().summary(CLOSED_MODEL)).toMatchObject({ cpuShareMean: null, loopDelayP99Ms: null });
});

it('judges no journal of a version that did not measure what it would be judged by', () => {
  const { limited, limits } = judged(devices(300), [], { ...RATE, measuresStalls: false });
  expect([limited, limits.map(({ observed }) => observed)]).toEqual([false, [null, null, null]]);
});
