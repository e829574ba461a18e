import type { DurationHistogram } from './duration-histogram.ts';

/** Points in each decade of the tail. */
const POINTS_PER_DECADE = 16;

/**
 * Where a percentile curve of `count` values is read: 1 / (1 − percentile / 100), as HdrHistogram plots it, so that 2 is
 * the median, 10 the 90th, 100 the 99th percentile. The last is `count`: beyond it there is only the largest value.
 */
export function percentilePlaces(count: number): readonly number[] {
  const places: number[] = [];
  for (let step = 0; ; step += 1) {
    const place = 10 ** (step / POINTS_PER_DECADE);
    if (place >= count) return count === 0 ? [] : [...places, count];
    places.push(place);
  }
}

/** The value at each place in milliseconds; the last is the largest. `null` of an empty histogram. */
export function percentileCurve(histogram: DurationHistogram, places: readonly number[]): readonly (number | null)[] {
  return places.map((place, index) =>
    histogram.percentileMs(index === places.length - 1 ? 100 : 100 * (1 - 1 / place)),
  );
}
