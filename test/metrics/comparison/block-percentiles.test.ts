import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BlockPercentiles } from '../../../src/metrics/comparison/block-percentiles.ts';
import { binOf, durationOfBin } from '../../../src/metrics/comparison/value-bins.ts';

it('are those of all durations of the blocks, each as often as it weighs, within 0.1%', () => {
  const block = fc.record({
    durationsMs: fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), { maxLength: 20 }),
    weight: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 6 }), fc.constantFrom(50, 95, 99), (blocks, percentile) => {
      const all = blocks.flatMap(({ durationsMs, weight }) => Array.from({ length: weight }, () => durationsMs).flat());
      all.sort((a, b) => a - b);
      const expected = all[Math.max(1, Math.ceil((all.length * percentile) / 100)) - 1];
      const counted = blocks.map(({ durationsMs }) => {
        const bins = new Map<number, number>();
        for (const each of durationsMs) bins.set(binOf(each), (bins.get(binOf(each)) ?? 0) + 1);
        return bins;
      });
      const weights = Uint32Array.from(blocks, ({ weight }) => weight);
      const found = new BlockPercentiles(counted).percentileMs(weights, percentile);
      if (expected === undefined) expect(found).toBeNull();
      else expect(Math.abs((found ?? 0) / expected - 1)).toBeLessThan(0.001);
    }),
  );
});

it('have bins that differ by 0.1%', () => {
  expect(durationOfBin(binOf(1000) + 1) / durationOfBin(binOf(1000))).toBeCloseTo(1.001, 9);
});
