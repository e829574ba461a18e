import fc from 'fast-check';
import { decodeFromCompressedBase64, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { DURATION_MAX_MS, DurationHistogram } from '../../src/metrics/duration-histogram.ts';

const PERCENTILES = [50, 90, 95, 99, 99.9, 100];

/** The naive reference: sort, and take the first value that enough others do not exceed. */
function percentileOf(sorted: readonly number[], percentile: number): number {
  const rank = Math.max(1, Math.ceil((percentile * sorted.length) / 100 - 1e-9));
  return sorted[rank - 1] ?? Number.NaN;
}

function histogramOf(durationsMs: readonly number[]): DurationHistogram {
  const histogram = new DurationHistogram();
  for (const durationMs of durationsMs) histogram.recordMs(durationMs);
  return histogram;
}

/** Microseconds over the whole range, short ones as likely as long ones. */
const micros = fc
  .double({ min: 0, max: Math.log(DURATION_MAX_MS * 1000), noNaN: true })
  .map((logarithm) => Math.round(Math.exp(logarithm)));

describe('percentiles', () => {
  it('agree with sorting and counting, within a thousandth', () => {
    fc.assert(
      fc.property(fc.array(micros, { minLength: 1, maxLength: 300 }), (values) => {
        const histogram = histogramOf(values.map((value) => value / 1000));
        const sorted = values.toSorted((a, b) => a - b);
        for (const percentile of PERCENTILES) {
          const expected = percentileOf(sorted, percentile);
          const actual = Math.round((histogram.percentileMs(percentile) ?? -1) * 1000);
          expect(Math.abs(actual - expected)).toBeLessThanOrEqual(expected / 1000);
        }
      }),
    );
  });

  it('come with the true smallest, largest and mean', () => {
    fc.assert(
      fc.property(fc.array(micros, { minLength: 1, maxLength: 300 }), (values) => {
        const summary = histogramOf(values.map((value) => value / 1000)).summary();
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(summary).toMatchObject({
          count: values.length,
          minMs: Math.min(...values) / 1000,
          maxMs: Math.max(...values) / 1000,
          clamped: 0,
        });
        expect(Math.abs((summary?.meanMs ?? 0) * 1000 - mean)).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  it.each([
    ['100 equal ones', Array(100).fill(250), { p50Ms: 250, p99Ms: 250, maxMs: 250 }],
    ['1 to 1000', Array.from({ length: 1000 }, (_, index) => index + 1), { p50Ms: 500, p90Ms: 900, p999Ms: 999 }],
  ])('%s', (_, durations, expected) => {
    const summary = histogramOf(durations).summary();
    for (const [name, value] of Object.entries(expected)) {
      expect(summary?.[name as keyof typeof expected]).toSatisfy(
        (actual: number) => Math.abs(actual - value) <= value / 1000,
      );
    }
  });
});

describe('the range', () => {
  it.each([
    [-5, 0],
    [DURATION_MAX_MS + 1, DURATION_MAX_MS],
    [1e12, DURATION_MAX_MS],
  ])('%f ms is counted as %f, and said to be', (durationMs, counted) => {
    expect(histogramOf([durationMs]).summary()).toMatchObject({ count: 1, maxMs: counted, clamped: 1 });
  });

  it.each([0, 0.001, DURATION_MAX_MS])('%f ms is within', (durationMs) => {
    expect(histogramOf([durationMs]).summary()).toMatchObject({ minMs: durationMs, maxMs: durationMs, clamped: 0 });
  });
});

it('says nothing of no durations', () => {
  expect(new DurationHistogram().summary()).toBeNull();
  expect(new DurationHistogram().percentileMs(50)).toBeNull();
});

it('is encoded as HdrHistogram reads it, in microseconds', () => {
  const decoded = decodeFromCompressedBase64(encodeIntoCompressedBase64(histogramOf([1, 2, 3, 3000]).inMicroseconds));
  expect(decoded.totalCount).toBe(4);
  expect(decoded.maxValue).toBeGreaterThanOrEqual(2_997_000);
  expect(decoded.getValueAtPercentile(25)).toBe(1000);
});
