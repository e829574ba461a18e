import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeShare, simultaneousWidth } from '../../src/allocation/share-interval.ts';

const WIDTH = simultaneousWidth(0.95, 3);

describe('a share', () => {
  it.each([
    // count, devices, expected, tolerance, verdict, reason
    [3_333, 10_000, 1 / 3, 0.02, 'pass', 'within'],
    [33, 100, 1 / 3, 0.02, 'inconclusive', 'too-few'],
    [3_700, 10_000, 1 / 3, 0.02, 'fail', 'outside'],
    [3_500, 10_000, 1 / 3, 0.02, 'inconclusive', 'too-few'],
    // A huge fleet does not fail on a trivial deviation: a tenth of a point of a million is far beyond chance.
    [334_333, 1_000_000, 1 / 3, 0.02, 'pass', 'within'],
    // Chance is no excuse once the fleet is large, nor a reason to fail while it is small.
    [0, 0, 1 / 3, 0.02, 'inconclusive', 'too-few'],
    [2, 2, 1, 0.02, 'inconclusive', 'too-few'],
    [300, 300, 1, 0.02, 'pass', 'within'],
    // A hub that is to get nothing: one device is one too many, whatever the tolerance.
    [1, 1_000_000, 0, 0.02, 'fail', 'not-expected'],
    [0, 1_000, 0, 0.02, 'pass', 'within'],
    [0, 10, 0, 0.02, 'inconclusive', 'too-few'],
    // A hub that is to get some and gets none, also where the tolerance is wider than its share.
    [0, 10_000, 1 / 3, 0.02, 'fail', 'missing'],
    [0, 10_000, 0.01, 0.02, 'fail', 'missing'],
    [0, 100, 0.01, 0.02, 'inconclusive', 'too-few'],
  ])('of %d in %d with %d ± %d expected is %s: %s', (count, of, share, tolerance, verdict, reason) => {
    expect(judgeShare({ count, of }, share, tolerance, WIDTH)).toMatchObject({ verdict, reason });
  });

  it('never turns from pass to fail as a fleet grows with the same shares', () => {
    const counts = fc
      .integer({ min: 1, max: 5_000 })
      .chain((of) => fc.record({ of: fc.constant(of), count: fc.integer({ min: 0, max: of }) }));
    const share = fc.double({ min: 0.001, max: 1, noNaN: true });
    const tolerance = fc.double({ min: 0.001, max: 0.2, noNaN: true });
    fc.assert(
      fc.property(counts, share, tolerance, fc.integer({ min: 2, max: 100 }), ({ count, of }, p, t, times) => {
        const small = judgeShare({ count, of }, p, t, WIDTH).verdict;
        const large = judgeShare({ count: count * times, of: of * times }, p, t, WIDTH).verdict;
        if (small !== 'inconclusive' && count > 0) expect(large).toBe(small);
        if (count > 0 && Math.abs(count / of - p) < t) expect(large).not.toBe('fail');
      }),
    );
  });

  it('as an earlier run had it, is judged with the uncertainty of both', () => {
    const seen = (count: number, of: number) => ({ count, of });
    expect(judgeShare({ count: 3_333, of: 10_000 }, seen(3_333, 10_000), 0.03, WIDTH).verdict).toBe('pass');
    // Against the stated share it passes at this tolerance, against a small earlier run nobody can tell.
    expect(judgeShare({ count: 3_333, of: 10_000 }, seen(33, 100), 0.03, WIDTH).verdict).toBe('inconclusive');
    expect(judgeShare({ count: 5_000, of: 10_000 }, seen(3_333, 10_000), 0.03, WIDTH).verdict).toBe('fail');
    expect(judgeShare({ count: 20, of: 10_000 }, seen(0, 10_000), 0.03, WIDTH).verdict).toBe('pass');
  });
});
