import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Extent } from '../../src/metrics/extent.ts';
import { BUCKET_MS_MIN, BUCKETS_MAX, FINE_BUCKETS_MAX, TimeSeries } from '../../src/metrics/time-series.ts';

/** Short and long runs as likely: up to a year. */
const times = fc.array(
  fc.double({ min: 0, max: Math.log(365 * 86_400_000), noNaN: true }).map((logarithm) => Math.exp(logarithm)),
  { minLength: 1, maxLength: 500 },
);

function seriesOf(timesMs: readonly number[]): TimeSeries<Extent> {
  const series = new TimeSeries(() => new Extent(), BUCKET_MS_MIN, BUCKETS_MAX, FINE_BUCKETS_MAX);
  for (const timeMs of timesMs) series.at(timeMs).add(timeMs);
  return series;
}

it('holds a bounded number of buckets that together hold everything, each what fell into it', () => {
  fc.assert(
    fc.property(times, (timesMs) => {
      const series = seriesOf(timesMs);
      const { widthMs } = series;
      const buckets = series.buckets();
      expect(buckets.length).toBeLessThanOrEqual(BUCKETS_MAX);
      buckets.forEach((bucket, index) => {
        const own = timesMs.filter((timeMs) => Math.floor(timeMs / widthMs) === index);
        expect([bucket.count, bucket.min, bucket.max]).toEqual([
          own.length,
          own.length === 0 ? null : Math.min(...own),
          own.length === 0 ? null : Math.max(...own),
        ]);
      });
      expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(timesMs.length);
    }),
  );
});

it('is no coarser than it must be, and the same in whatever order times come', () => {
  fc.assert(
    fc.property(times, (timesMs) => {
      const { widthMs } = seriesOf(timesMs);
      const lastMs = Math.max(...timesMs);
      const mostBefore = widthMs / 2 < 1000 ? FINE_BUCKETS_MAX : BUCKETS_MAX;
      expect(widthMs === BUCKET_MS_MIN || lastMs / (widthMs / 2) >= mostBefore).toBe(true);
      const extremes = (series: TimeSeries<Extent>) => series.buckets().map(({ min, max, count }) => [min, max, count]);
      expect(extremes(seriesOf(timesMs.toReversed()))).toEqual(extremes(seriesOf(timesMs)));
    }),
  );
});

it.each([
  [4.9, 125],
  [19, 500],
  [20.5, 1000],
  [239, 1000],
  [241, 2000],
])('shows a run of %d s in periods of %d ms', (seconds, widthMs) => {
  expect(seriesOf([seconds * 1000]).widthMs).toBe(widthMs);
});

it('has no holes', () => {
  const series = seriesOf([10, 3 * BUCKET_MS_MIN]);
  expect(series.buckets().map(({ count }) => count)).toEqual([1, 0, 0, 1]);
});

it('counts times before its beginning as the beginning', () => {
  expect(seriesOf([-5]).buckets()).toHaveLength(1);
});
