import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InFlightCurve } from '../../src/metrics/in-flight-curve.ts';

it('knows the peaks of a run that ends before it is sampled', () => {
  const curve = new InFlightCurve();
  for (let device = 0; device < 10; device += 1) curve.add(5 + device, 80 + device);
  curve.add(300, 620);
  expect(curve.peaks(250, 4)).toEqual([10, 1, 1, 0]);
});

it('does not count a registration together with the one that takes over its slot', () => {
  const curve = new InFlightCurve();
  for (let n = 0; n < 40; n += 1) curve.add(n * 25, (n + 1) * 25);
  expect(curve.peaks(250, 4)).toEqual([1, 1, 1, 1]);
});

it('does not know anything after four minutes', () => {
  const curve = new InFlightCurve();
  curve.add(239_000, 500_000);
  curve.add(300_000, 400_000);
  expect(curve.peaks(60_000, 6)).toEqual([0, 0, 0, 1, null, null]);
});

it('has the number in progress every 10 ms, never more', () => {
  const spans = fc.array(fc.tuple(fc.nat(5_000), fc.nat(2_000)), { maxLength: 40 });
  fc.assert(
    fc.property(spans, (made) => {
      const curve = new InFlightCurve();
      for (const [startMs, durationMs] of made) curve.add(startMs, startMs + durationMs);
      const at = (ms: number): number =>
        made.filter(([startMs, durationMs]) => startMs <= ms && ms < startMs + durationMs).length;
      const expected = Array.from({ length: 28 }, (_, period) =>
        Math.max(...Array.from({ length: 25 }, (_, step) => at(period * 250 + step * 10))),
      );
      expect(curve.peaks(250, 28)).toEqual(expected);
    }),
  );
});
