import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DurationHistogram, percentileCurve, percentilePlaces } from '../../src/metrics/duration-histogram.ts';

it('rises from the smallest to the largest value', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 500 }), (values) => {
      const histogram = new DurationHistogram();
      for (const value of values) histogram.recordMs(value);
      const places = percentilePlaces(values.length);
      const curve = percentileCurve(histogram, places);
      expect(places.at(-1)).toBe(values.length);
      expect(curve).toEqual(curve.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
      expect(curve.at(-1)).toBe(Math.max(...values));
      const median = curve[places.findIndex((place) => place >= 2)];
      if (values.length >= 2) expect(median).toBeGreaterThanOrEqual((histogram.percentileMs(50) ?? 0) * 0.999);
    }),
  );
});

it('has a hundred places for a million values, and none for none', () => {
  expect(percentilePlaces(1_000_000).length).toBeLessThan(110);
  expect(percentilePlaces(0)).toEqual([]);
});
