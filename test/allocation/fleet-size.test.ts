import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { devicesNeeded, toleranceReached, type VerdictAim } from '../../src/allocation/fleet-size.ts';
import { judgeShare, simultaneousWidth } from '../../src/allocation/share-interval.ts';
import { SeededRandom } from '../fuzz/seeded-random.ts';
import { IS_CONTRIBUTOR_LOOP } from '../support/contributor-loop.ts';
import { drawHubs } from '../support/draw-hubs.ts';

function aimFor(weights: readonly number[], tolerance: number, reference: number | null = null): VerdictAim {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return {
    shares: weights.map((weight) => weight / sum),
    strangersFail: true,
    tolerance,
    width: simultaneousWidth(0.95, weights.length),
    passes: 0.95,
    fails: 0.95,
    reference,
  };
}

function needed(aim: VerdictAim): number {
  const devices = devicesNeeded(aim);
  if (devices === null) throw new Error('no fleet is large enough');
  return devices;
}

/** How often a fleet that keeps the shares passes, by the verdict's own test; the same for the same seed. */
function passRate({ shares, tolerance, width }: VerdictAim, devices: number, fleets: number): number {
  let passed = 0;
  for (let seed = 1; seed <= fleets; seed += 1) {
    const counts = drawHubs(devices, shares, seed);
    const verdicts = counts.map(
      (count, hub) => judgeShare({ count, of: devices }, shares[hub] ?? 0, tolerance, width).verdict,
    );
    if (verdicts.every((verdict) => verdict === 'pass')) passed += 1;
  }
  return passed / fleets;
}

describe('the devices that a verdict needs', () => {
  it.each<[readonly number[], number, number]>([
    // 4 z² p (1 − p) / t² of the share that is hardest to judge, with Bonferroni's z on both sides, would be 12,915, 14,317, 10,035.
    [[1, 1, 1], 0.02, 12_484],
    [[2, 1, 1], 0.02, 12_275],
    [[2, 1], 0.02, 9_839],
    [[98, 1, 1], 0.02, 1_815],
    [Array(10).fill(1), 0.02, 7_291],
    // That all devices land at one hub is hardly chance.
    [[1], 0.02, 189],
  ])('for weights %j within ±%d are %d', (weights, tolerance, devices) => {
    expect(devicesNeeded(aimFor(weights, tolerance))).toBe(devices);
  });

  it('suffice, and 5% less do not: simulated', () => {
    const [cases, fleets] = IS_CONTRIBUTOR_LOOP ? [6, 500] : [12, 1_000];
    const random = new SeededRandom(7);
    const rates = Array.from({ length: cases }, () => {
      const weights = Array.from({ length: 2 + random.below(4) }, () => 1 + random.below(5));
      const aim = aimFor(weights, 0.04 + random.next() * 0.04);
      const devices = needed(aim);
      return { all: passRate(aim, devices, fleets), less: passRate(aim, Math.floor(devices * 0.95), fleets) };
    });
    const mean = (of: (rate: { all: number; less: number }) => number): number =>
      rates.reduce((sum, rate) => sum + of(rate), 0) / cases;
    const noise = 3 * Math.sqrt((0.95 * 0.05) / fleets);
    for (const { all } of rates) expect(all).toBeGreaterThan(0.95 - noise);
    expect(mean(({ all }) => all)).toBeGreaterThan(0.95 - noise / Math.sqrt(cases));
    expect(mean(({ less }) => less)).toBeLessThan(0.945);
  });

  it('are the least that are enough, and tell the tolerance that they reach', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 });
    const some = weights.filter((each) => each.some((weight) => weight > 0));
    fc.assert(
      fc.property(some, fc.integer({ min: 100, max: 2_000 }), (each, hundredths) => {
        const tolerance = hundredths * 1e-4;
        const aim = aimFor(each, tolerance);
        // Whole devices: the chance of a verdict rises with their number in steps, and falls a little between them.
        expect(toleranceReached(needed(aim), aim)).toBeLessThanOrEqual(tolerance * 1.05);
      }),
      // The bound was seen to hold, and is not proven: the same draws each time.
      { numRuns: 20, seed: 1 },
    );
  });

  it.each<[readonly number[], number]>([
    [[1, 1], 0.02],
    [[99, 1], 0.02],
    [[5, 3, 2], 0.05],
  ])('show that a share of %j is off by twice ±%d', (weights, tolerance) => {
    const aim = aimFor(weights, tolerance);
    const devices = needed(aim);
    const [first = 0, ...others] = aim.shares;
    const actual = [first - 2 * tolerance, ...others.map((share) => share + (2 * tolerance) / others.length)];
    const fleets = 500;
    let failed = 0;
    for (let seed = 1; seed <= fleets; seed += 1) {
      const counts = drawHubs(devices, actual, seed);
      const isFailed = counts.some(
        (count, hub) =>
          judgeShare({ count, of: devices }, aim.shares[hub] ?? 0, tolerance, aim.width).verdict === 'fail',
      );
      if (isFailed) failed += 1;
    }
    expect(failed / fleets).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.95 * 0.05) / fleets));
  });

  it('are more when the expected shares are themselves counted, and none are enough against a small run', () => {
    const stated = needed(aimFor([1, 1, 1], 0.02));
    expect(needed(aimFor([1, 1, 1], 0.02, 1e8)) / stated).toBeCloseTo(1, 2);
    expect(needed(aimFor([1, 1, 1], 0.02, 2 * stated)) / stated).toBeGreaterThan(1.9);
    expect(devicesNeeded(aimFor([1, 1, 1], 0.02, 5_000))).toBeNull();
  });

  it('suffice against an earlier run, whose counts are subject to chance as well', () => {
    const [reference, fleets] = [8_000, 600];
    const aim = aimFor([2, 1, 1], 0.04, reference);
    const devices = needed(aim);
    let passed = 0;
    for (let seed = 1; seed <= fleets; seed += 1) {
      const earlier = drawHubs(reference, aim.shares, 10_000 + seed);
      const verdicts = drawHubs(devices, aim.shares, seed).map((count, hub) => {
        const expected = { count: earlier[hub] ?? 0, of: reference };
        return judgeShare({ count, of: devices }, expected, aim.tolerance, aim.width).verdict;
      });
      if (verdicts.every((verdict) => verdict === 'pass')) passed += 1;
    }
    expect(passed / fleets).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.95 * 0.05) / fleets));
    expect(passed / fleets).toBeLessThan(0.98);
  });
});
