import { describe, expect, it } from 'vitest';
import { RunTimeline, type TimeBucket } from '../../src/metrics/run-timeline.ts';
import { BUCKETS_MAX } from '../../src/metrics/time-series.ts';
import { notAssigned, outcomeRecord, sampleRecord } from '../support/sample-journal.ts';

const HOUR_MS = 3_600_000;

function sumOf(timeline: RunTimeline, countOf: (bucket: TimeBucket) => number): number {
  return timeline.buckets().reduce((sum, bucket) => sum + countOf(bucket), 0);
}

describe('a run over time', () => {
  it('has every start and end in its bucket, assigned ones with their service time', () => {
    const timeline = new RunTimeline();
    timeline.add(outcomeRecord(0, { intendedAtMs: 0, startedAtMs: 100, finishedAtMs: 3300, waitedMs: 3000 }), 0);
    timeline.add(outcomeRecord(1, notAssigned({ startedAtMs: 120, finishedAtMs: 300, result: 'refused' })), 0);
    timeline.add(outcomeRecord(2, notAssigned({ startedAtMs: null, finishedAtMs: null, result: 'not-started' })), 0);
    expect(timeline.bucketMs).toBe(250);
    expect(timeline.firstStartMs).toBe(100);
    expect(
      timeline
        .buckets()
        .map(({ launched, ended, assigned, service }) => [
          launched,
          ended,
          assigned,
          service?.percentileMs(100) ?? null,
        ]),
    ).toEqual([[2, 0, 0, null], [0, 1, 0, null], ...Array(11).fill([0, 0, 0, null]), [0, 1, 1, 200]]);
    // The last bucket ends with the last event.
    expect([timeline.endMs(0), timeline.endMs(13)]).toEqual([250, 3500]);
  });

  it('keeps the extremes of single seconds, however long it takes', () => {
    const timeline = new RunTimeline();
    for (let second = 1; second <= 20 * 3600; second += 1) {
      const peak = second === 4321;
      timeline.addSample(
        sampleRecord(second * 1000, { inFlight: peak ? 999 : 10, loopDelayMaxMs: peak ? [3, 250] : [3, 4] }),
        0,
      );
    }
    const buckets = timeline.buckets();
    expect(buckets.length).toBeLessThanOrEqual(BUCKETS_MAX);
    const peak = buckets[Math.floor(4_321_000 / timeline.bucketMs)];
    expect([peak?.sampled.inFlight.max, peak?.sampled.inFlight.min, peak?.sampled.loopDelayMs.max]).toEqual([
      999, 10, 250,
    ]);
    expect(buckets.filter(({ sampled }) => sampled.inFlight.max === 999)).toHaveLength(1);
    expect(sumOf(timeline, ({ sampled }) => sampled.launched.sum)).toBe(20 * 3600 * 30);
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
