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

  it.each<[string, number, Partial<EstimatedLoad>, lastLaunchSeconds: number, lagSeconds: number]>([
    ['all at once, a slot for each', 2_000, { shape: { kind: 'at-once' }, concurrency: 2_000 }, 0, 0],
    ['all at once, 100 slots', 2_000, { shape: { kind: 'at-once' } }, 57, 57],
    ['all at once, in two rounds', 200, { shape: { kind: 'at-once' }, rounds: 2 }, 9, 3],
    ['batches within the slots', 200, { shape: { kind: 'batches', size: 100, everyMs: 5_000 } }, 5, 0],
    ['batches of three times the slots', 600, { shape: { kind: 'batches', size: 300, everyMs: 60_000 } }, 66, 6],
    ['batches faster than the slots', 400, { shape: { kind: 'batches', size: 100, everyMs: 1_000 } }, 9, 6],
    ['the closed model, which knows no lag', 2_000, {}, 57, 0],
    ['a rate that the slots keep', 100, { shape: { kind: 'rate', ratePerSecond: 10 } }, 9.9, 0],
    [
      'a peak that the slots do not keep',
      400,
      {
        shape: {
          kind: 'stages',
          stages: [
            { ratePerSecond: 100, forMs: 3_000, ramp: false },
            { ratePerSecond: 1, forMs: 100_000, ramp: false },
          ],
        },
      },
      102,
      6,
    ],
  ])('says when the last launch of %s (%i devices) starts, and how late', (_, devices, changes, lastLaunch, lag) => {
    const { lastLaunchMs, slotLagMs } = estimateRun({ ...LOAD, ...changes }, devices);
    expect(lastLaunchMs / 1_000).toBeCloseTo(lastLaunch, 6);
    expect(slotLagMs / 1_000).toBeCloseTo(lag, 1);
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
