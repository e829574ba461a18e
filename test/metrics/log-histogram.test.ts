import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BINS_PER_DECADE, binFromMs, binOf, LogHistogram } from '../../src/metrics/log-histogram.ts';

const durations = fc.array(fc.double({ min: 0.02, max: 3_500_000, noNaN: true }), { minLength: 1, maxLength: 300 });

function histogramOf(values: readonly number[]): LogHistogram {
  const histogram = new LogHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

it('gives percentiles by nearest rank, within 0.6%, and the largest exactly', () => {
  fc.assert(
    fc.property(durations, fc.integer({ min: 1, max: 99 }), (values, percentile) => {
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil((percentile / 100) * sorted.length)) - 1] ?? 0;
      const seen = histogramOf(values).percentileMs(percentile) ?? 0;
      expect(Math.abs(seen - exact)).toBeLessThanOrEqual(exact * 0.006 + 0.0005);
      expect(histogramOf(values).percentileMs(100)).toBe(sorted.at(-1));
    }),
  );
});

it('says the same of two halves joined as of the whole', () => {
  fc.assert(
    fc.property(durations, durations, (first, second) => {
      const joined = histogramOf(first);
      joined.addAll(histogramOf(second));
      const whole = histogramOf([...first, ...second]);
      for (const percentile of [1, 50, 90, 99, 100]) {
        expect(joined.percentileMs(percentile)).toBe(whole.percentileMs(percentile));
      }
      expect(joined.inBinsOf(20)).toEqual(whole.inBinsOf(20));
    }),
  );
});

it('puts each duration into the bin that holds it, and counts every one', () => {
  fc.assert(
    fc.property(durations, (values) => {
      for (const value of values) {
        expect(value).toBeGreaterThanOrEqual(binFromMs(binOf(value)) * (1 - 1e-9));
        expect(value).toBeLessThanOrEqual(binFromMs(binOf(value) + 1) * (1 + 1e-9));
      }
      const wide = histogramOf(values).inBinsOf(BINS_PER_DECADE / 10);
      expect(wide.reduce((sum, count) => sum + count, 0)).toBe(values.length);
    }),
  );
});

it('has no percentile without a duration, and takes what is out of its range as its ends', () => {
  expect(new LogHistogram().percentileMs(50)).toBeNull();
  const histogram = histogramOf([-1, 0, 1e9]);
  expect([histogram.count, histogram.percentileMs(100)]).toEqual([3, 1e9]);
  expect(histogram.inBinsOf(20).at(0)).toBe(2);
});
