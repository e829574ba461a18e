import { expect, it } from 'vitest';
import { delayMs } from '../../src/emulator/service/draws.ts';

const DRAWS = 20_000;

it('a delay without a tail is always the same', () => {
  expect([1, 2].map((n) => delayMs(200, n))).toEqual([200, 200]);
});

it('half of the delays are below the median, one in a hundred is above the 99th percentile', () => {
  const draws = Array.from({ length: DRAWS }, (_, n) => delayMs({ medianMs: 200, p99Ms: 5_000 }, 'device', n));
  const above = (limitMs: number): number => draws.filter((ms) => ms > limitMs).length;
  // Five standard deviations of a binomial count.
  const tolerance = (share: number): number => 5 * Math.sqrt(DRAWS * share * (1 - share));
  expect(Math.abs(above(200) - DRAWS * 0.5)).toBeLessThan(tolerance(0.5));
  expect(Math.abs(above(5_000) - DRAWS * 0.01)).toBeLessThan(tolerance(0.01));
  expect(Math.min(...draws)).toBeGreaterThan(0);
});

it('the same request gets the same delay', () => {
  const delay = { medianMs: 200, p99Ms: 5_000 };
  expect(delayMs(delay, 'a', 1)).toBe(delayMs(delay, 'a', 1));
  expect(delayMs(delay, 'a', 1)).not.toBe(delayMs(delay, 'a', 2));
});
