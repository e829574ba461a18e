import { describe, expect, it } from 'vitest';
import { OutageWatch } from '../../src/load/outage-watch.ts';
import { repeatedRequestsMax } from '../../src/load/permits.ts';

describe('outage watch', () => {
  it('begins with the first of 20 failures in a row, and ends with a sign of life', () => {
    const watch = new OutageWatch();
    expect(watch.saw(1, 0, 0)).toBeNull();
    expect(watch.saw(0, 12, 1_000)).toBeNull();
    expect(watch.saw(0, 7, 2_000)).toBeNull();
    expect(watch.sinceMs).toBeNull();
    expect(watch.saw(0, 1, 3_000)).toBe('began');
    expect(watch.sinceMs).toBe(1_000);
    expect(watch.saw(0, 500, 4_000)).toBeNull();
    expect(watch.saw(3, 500, 5_000)).toBe('ended');
    expect(watch.sinceMs).toBeNull();
  });

  it('is no outage as long as anything gets through', () => {
    const watch = new OutageWatch();
    for (let second = 0; second < 100; second += 1) expect(watch.saw(1, 1_000, second * 1_000)).toBeNull();
    expect(watch.saw(0, 19, 100_000)).toBeNull();
    expect(watch.saw(1, 0, 101_000)).toBeNull();
    expect(watch.saw(0, 19, 102_000)).toBeNull();
  });

  it('does not begin before the target was ever reached', () => {
    expect(new OutageWatch().saw(0, 1_000, 1_000)).toBeNull();
  });
});

describe('retry budget', () => {
  it.each([
    [0, 100],
    [100, 120],
    [10_000, 2_100],
  ])('after %i first requests, %i may have been repeated', (first, repeated) => {
    expect(repeatedRequestsMax(first)).toBe(repeated);
  });
});
