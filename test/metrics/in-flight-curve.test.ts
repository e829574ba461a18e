import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InFlightCurve } from '../../src/metrics/in-flight-curve.ts';

function curveOf(spans: readonly (readonly [startMs: number, endMs: number])[]): InFlightCurve {
  const curve = new InFlightCurve();
  for (const [startedAtMs, finishedAtMs] of spans) curve.add({ startedAtMs, finishedAtMs });
  return curve;
}

function mostOf(curve: InFlightCurve, periodMs: number, count: number): readonly number[] {
  return curve.extremes(periodMs, count).map(({ most }) => most);
}

it('knows the extremes of a run that ends before it is sampled', () => {
  const devices = Array.from({ length: 10 }, (_, device) => [5 + device, 80 + device] as const);
  expect(curveOf([...devices, [300, 620]]).extremes(250, 4)).toEqual([
    { least: 0, most: 10 },
    { least: 0, most: 1 },
    { least: 0, most: 1 },
    { least: 0, most: 0 },
  ]);
});

it('does not count a registration together with the one that takes over its slot', () => {
  const curve = curveOf(Array.from({ length: 40 }, (_, n) => [n * 25, (n + 1) * 25] as const));
  expect(mostOf(curve, 250, 4)).toEqual([1, 1, 1, 1]);
});

it('still knows the number in flight after days, at instants that are further apart', () => {
  const [hourMs, dayMs] = [3_600_000, 86_400_000];
  const curve = curveOf([
    [hourMs, 3 * hourMs],
    [2 * hourMs, 4 * hourMs],
    [2 * dayMs, 2 * dayMs + 2 * hourMs],
  ]);
  expect(mostOf(curve, hourMs, 50)).toEqual([0, 1, 2, 1, ...Array(44).fill(0), 1, 1]);
  expect(curve.instantMs).toBeLessThan(hourMs / 100);
});

it('has the number in progress at every instant, never more', () => {
  const spans = fc.array(fc.tuple(fc.nat(400_000), fc.nat(200_000)), { maxLength: 40 });
  fc.assert(
    fc.property(spans, (made) => {
      const curve = curveOf(made.map(([startMs, durationMs]) => [startMs, startMs + durationMs]));
      const at = (ms: number): number =>
        made.filter(([startMs, durationMs]) => startMs <= ms && ms < startMs + durationMs).length;
      const { instantMs } = curve;
      const periodMs = 25 * instantMs;
      const expected = Array.from({ length: 30 }, (_, period) => {
        const counts = Array.from({ length: 25 }, (__, step) => at(period * periodMs + step * instantMs));
        return { least: Math.min(...counts), most: Math.max(...counts) };
      });
      expect(curve.extremes(periodMs, 30)).toEqual(expected);
    }),
  );
});
