import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EstimatedLoad, estimateRun } from '../../src/load/run-estimate.ts';

const LOAD: EstimatedLoad = {
  shape: { kind: 'closed' },
  concurrency: 100,
  rounds: 1,
  durationMs: null,
  quota: null,
  canaryPerGroup: 0,
  hubs: null,
};
const REAL = { quota: { perMinute: 1_000, share: 0.75 }, canaryPerGroup: 20 };

describe('the estimate of a run', () => {
  it.each<[string, number, Partial<EstimatedLoad>, seconds: number, isGuess: boolean]>([
    ['one device', 1, {}, 3, true],
    ['a slot for each', 100, {}, 3, true],
    ['one more', 101, {}, 6, true],
    ['a thousand', 1_000, {}, 30, true],
    ['two rounds, of which each waits for the one before', 20, { rounds: 2 }, 6, true],
    ['a thousand rounds', 101, { rounds: 1_000 }, 6_000, true],
    ['a quota', 1_501, { quota: REAL.quota }, 120 + 3, false],
    ['a quota, and a canary before the rest', 1_502, REAL, 120 + 6, false],
    ['a canary that is all', 10, REAL, 0.72 + 3, true],
    ['a rate', 601, { shape: { kind: 'rate', ratePerSecond: 10 } }, 60 + 3, false],
    ['a rate with too few slots', 601, { shape: { kind: 'rate', ratePerSecond: 100 }, concurrency: 10 }, 183, true],
    ['batches', 500, { shape: { kind: 'batches', size: 200, everyMs: 60_000 } }, 120 + 3, false],
    [
      'batches that a quota spreads',
      1_600,
      { shape: { kind: 'batches', size: 800, everyMs: 60_000 }, quota: { perMinute: 900, share: 1 } },
      60 + 799 / 15 + 3,
      false,
    ],
    ['all at once', 100, { shape: { kind: 'at-once' } }, 3, true],
    // One hub of one S1 unit creates 100 identities a minute, and the second round creates none.
    ['a slow hub', 201, { hubs: [{ name: 'a', tier: 'S1', units: 1 }], rounds: 2 }, 120 + 3 + 9, false],
    ['a fast hub', 1_501, { ...REAL, canaryPerGroup: 0, hubs: [{ name: 'a', tier: 'S3', units: 1 }] }, 123, false],
    ['a time limit', 100_000, { durationMs: 60_000 }, 63, false],
    ['nothing', 0, {}, 0, false],
  ])('for %s (%i devices)', (_, devices, changes, seconds, isGuess) => {
    const estimate = estimateRun({ ...LOAD, ...changes }, devices);
    expect(estimate.durationMs / 1_000).toBeCloseTo(seconds, 6);
    expect(estimate.isGuess).toBe(isGuess);
  });

  it('counts what the stages launch, where they end before the devices do', () => {
    const shape = { kind: 'stages', stages: [{ ratePerSecond: 10, forMs: 30_000, ramp: false }] } as const;
    const launches = (devices: number) => estimateRun({ ...LOAD, shape, rounds: 2 }, devices).launches;
    expect([launches(100), launches(20_000)]).toEqual([200, 600]);
  });

  it('says an hour where two hubs of one unit are slower than a quota that takes 16 minutes', () => {
    const hubs = ['a', 'b'].map((name) => ({ name, tier: 'S1', units: 1 }) as const);
    const minutes = (load: EstimatedLoad) => estimateRun(load, 12_000).durationMs / 60_000;
    expect(minutes({ ...LOAD, ...REAL })).toBeCloseTo(16, 0);
    expect(minutes({ ...LOAD, ...REAL, hubs })).toBeCloseTo(60, 0);
  });

  it('never shrinks with more devices, a lower quota or a slower hub', () => {
    const devices = fc.integer({ min: 0, max: 20_000 });
    const share = fc.double({ min: 0.01, max: 1, noNaN: true });
    const units = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(devices, share, units, (count, of, many) => {
        const load = (factor: number, unitsOf: number): EstimatedLoad => ({
          ...LOAD,
          quota: { perMinute: 1_000 * factor, share: of },
          hubs: [{ name: 'a', tier: 'S1', units: unitsOf }],
        });
        const base = estimateRun(load(1, many), count).durationMs;
        expect(estimateRun(load(1, many), count + 1).durationMs).toBeGreaterThanOrEqual(base);
        expect(estimateRun(load(0.5, many), count).durationMs).toBeGreaterThanOrEqual(base);
        expect(estimateRun(load(1, many + 1), count).durationMs).toBeLessThanOrEqual(base);
      }),
    );
  });
});
