import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RateLimit, rateLimiter } from '../../src/emulator/service/quotas.ts';
import { demand } from '../support/demand.ts';

/** Limits with the moments of requests, in order. */
const requests = fc.record({
  limit: fc.integer({ min: 1, max: 20 }),
  perMs: fc.integer({ min: 1, max: 1_000 }),
  atMs: fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 }).map((times) => times.sort((a, b) => a - b)),
});

/** The moments at which a request was let through. */
function taken(limit: RateLimit, atMs: readonly number[]): readonly number[] {
  const limiter = rateLimiter(limit, 0);
  return atMs.filter((nowMs) => limiter(nowMs) === 0);
}

const countIn = (times: readonly number[], fromMs: number, untilMs: number): number =>
  times.filter((time) => time >= fromMs && time < untilMs).length;

describe('a budget of requests', () => {
  it('sliding window: no stretch of the period holds more than the limit', () => {
    fc.assert(
      fc.property(requests, ({ limit, perMs, atMs }) => {
        const through = taken({ algorithm: 'sliding-window', limit, perMs }, atMs);
        for (const from of through)
          demand(countIn(through, from, from + perMs) <= limit, `${perMs} ms from ${from} hold at most ${limit}`);
      }),
    );
  });

  it('fixed window: no window holds more than the limit', () => {
    fc.assert(
      fc.property(requests, ({ limit, perMs, atMs }) => {
        const through = taken({ algorithm: 'fixed-window', limit, perMs }, atMs);
        for (let from = 0; from <= 5_000; from += perMs) {
          const due = Math.min(limit, countIn(atMs, from, from + perMs));
          demand(countIn(through, from, from + perMs) === due, `the window at ${from} lets ${due} through`);
        }
      }),
    );
  });

  it('token bucket: at most the limit at once, and the rate from then on', () => {
    fc.assert(
      fc.property(requests, ({ limit, perMs, atMs }) => {
        const through = taken({ algorithm: 'token-bucket', limit, perMs }, atMs);
        through.forEach((until, index) => {
          expect(index + 1).toBeLessThanOrEqual(limit + (until * limit) / perMs + 1e-6);
        });
      }),
    );
  });

  it.each([
    'token-bucket',
    'fixed-window',
    'sliding-window',
  ] as const)('%s: a refused request gets through after the time that it is told, and not before', (algorithm) => {
    fc.assert(
      fc.property(requests, ({ limit, perMs, atMs }) => {
        const limiter = rateLimiter({ algorithm, limit, perMs }, 0);
        const lastMs = atMs.at(-1) ?? 0;
        for (const nowMs of atMs) limiter(nowMs);
        const waitMs = limiter(lastMs);
        if (waitMs === 0) return;
        expect(limiter(lastMs + waitMs * 0.99)).toBeGreaterThan(0);
        expect(limiter(lastMs + waitMs + 1e-6)).toBe(0);
      }),
    );
  });
});
