import { describe, expect, it } from 'vitest';
import { RunTimeline } from '../../src/metrics/run-timeline.ts';
import { BUCKETS_MAX } from '../../src/metrics/time-series.ts';
import { notAssigned, outcomeRecord, sampleRecord } from '../support/sample-journal.ts';

const HOUR_MS = 3_600_000;

describe('a run over time', () => {
  it('has every start and end in its bucket, assigned ones with their service time', () => {
    const timeline = new RunTimeline();
    timeline.add(outcomeRecord(0, { intendedAtMs: 0, startedAtMs: 100, finishedAtMs: 3300, waitedMs: 3000 }), 0);
    timeline.add(outcomeRecord(1, notAssigned({ startedAtMs: 120, finishedAtMs: 300, result: 'refused' })), 0);
    timeline.add(outcomeRecord(2, notAssigned({ startedAtMs: null, finishedAtMs: null, result: 'not-started' })), 0);
    expect(timeline.bucketMs).toBe(125);
    expect(timeline.firstStartMs).toBe(100);
    const shown = timeline
      .buckets()
      .map(({ launched, ended, assigned, service }) => [launched, ended, assigned, service?.percentileMs(100) ?? null]);
    expect(shown[0]).toEqual([2, 0, 0, null]);
    expect(shown[2]).toEqual([0, 1, 0, null]);
    expect(shown[26]).toEqual([0, 1, 1, 200]);
    expect(shown.filter((_, index) => ![0, 2, 26].includes(index))).toEqual(Array(24).fill([0, 0, 0, null]));
    // The last bucket ends with the last event.
    expect([timeline.endMs(0), timeline.endMs(26)]).toEqual([125, 3375]);
  });

  it('shows 50 in every second of 50 launches a second', () => {
    const timeline = new RunTimeline();
    for (let row = 0; row < 50 * 60; row += 1) {
      const intendedAtMs = 700 + row * 20;
      timeline.add(
        outcomeRecord(row, { intendedAtMs, startedAtMs: intendedAtMs + 3, finishedAtMs: intendedAtMs + 500 }),
        0,
      );
    }
    const inner = timeline.buckets().slice(2, -2);
    expect(timeline.bucketMs).toBe(1000);
    expect(inner.map(({ intended, launched, ended }) => [intended, launched, ended])).toEqual(
      inner.map(() => [50, 50, 50]),
    );
    expect(
      timeline
        .inFlight()
        .slice(2, -2)
        .map(({ most }) => most),
    ).toEqual(inner.map(() => 25));
  });

  it('has response times by intended start, and service times by end', () => {
    const timeline = new RunTimeline();
    timeline.add(outcomeRecord(0, { intendedAtMs: 0, startedAtMs: 900, finishedAtMs: 1000, waitedMs: 0 }), 0);
    const at = (ms: number) => timeline.buckets()[ms / timeline.bucketMs];
    expect([at(0)?.response?.percentileMs(100), at(0)?.service]).toEqual([1000, null]);
    expect([at(1000)?.service?.percentileMs(100), at(1000)?.response]).toEqual([100, null]);
  });

  it('shows a sample in all of the time that it covers, and in no other', () => {
    const timeline = new RunTimeline();
    timeline.addSample(sampleRecord(1000, { overMs: 375, throttles: 3 }), 0);
    timeline.addSample(sampleRecord(2000, { throttles: 4 }), 0);
    timeline.addSample(sampleRecord(2100, { overMs: 100, throttles: 1 }), 0);
    const rates = timeline.buckets().map(({ sampled }) => sampled.throttlesPerSecond.max);
    expect(rates).toEqual([...Array(5).fill(null), 8, 8, 8, ...Array(8).fill(4), 10]);
  });

  it('keeps the extremes of single seconds, however long it takes', () => {
    const timeline = new RunTimeline();
    for (let second = 1; second <= 20 * 3600; second += 1) {
      const peak = second === 4321;
      timeline.addSample(
        sampleRecord(second * 1000, { throttles: peak ? 999 : 10, loopDelayMaxMs: peak ? [3, 250] : [3, 4] }),
        0,
      );
    }
    const buckets = timeline.buckets();
    expect(buckets.length).toBeLessThanOrEqual(BUCKETS_MAX);
    const peak = buckets[Math.floor(4_320_500 / timeline.bucketMs)];
    expect([peak?.sampled.throttlesPerSecond.max, peak?.sampled.throttlesPerSecond.min]).toEqual([999, 10]);
    expect(peak?.sampled.loopDelayMs.max).toBe(250);
    expect(buckets.filter(({ sampled }) => sampled.loopDelayMs.max === 250)).toHaveLength(1);
  });

  it('keeps the largest service time when buckets are merged', () => {
    const timeline = new RunTimeline();
    timeline.add(outcomeRecord(0, { startedAtMs: 0, finishedAtMs: 9000, waitedMs: 0 }), 0);
    timeline.add(outcomeRecord(1, { startedAtMs: 9100, finishedAtMs: 9200, waitedMs: 0 }), 0);
    timeline.add(outcomeRecord(2, { startedAtMs: 50 * HOUR_MS, finishedAtMs: 50 * HOUR_MS, waitedMs: 0 }), 0);
    const [first] = timeline.buckets();
    expect(first?.service?.count).toBe(2);
    expect(first?.service?.percentileMs(100)).toBeGreaterThanOrEqual(9000 * 0.99);
    expect(first?.service?.percentileMs(100)).toBeLessThanOrEqual(9000 * 1.01);
  });

  it('places a later session after the first by the difference between their clocks', () => {
    const timeline = new RunTimeline();
    const outcome = outcomeRecord(0, { startedAtMs: 0, finishedAtMs: 100 });
    timeline.add(outcome, 0);
    timeline.add(outcome, 10_000);
    expect(timeline.buckets().flatMap(({ ended }, index) => (ended === 1 ? [index * timeline.bucketMs] : []))).toEqual([
      0, 10_000,
    ]);
  });
});
