import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hubConnectionsPerSecond } from '../../../src/dps/service-limits.ts';
import { ConnectionShaper } from '../../../src/emulator/hub/connection-shaper.ts';

describe('the limit of new connections', () => {
  it.each([
    ['S1', 1, 100],
    ['S1', 8, 100],
    ['S1', 20, 240],
    ['S2', 1, 120],
    ['S2', 5, 600],
    ['S3', 2, 12_000],
  ] as const)('%s with %i units: %i a second', (tier, units, perSecond) => {
    expect(hubConnectionsPerSecond(tier, units)).toBe(perSecond);
  });

  it('serves an excess at once, then late, then not at all', () => {
    const shaper = new ConnectionShaper(100);
    const excess = { burstMs: 1_000, queueMs: 500 };
    const waits = Array.from({ length: 200 }, () => shaper.admit(0, excess)?.waitMs ?? null);
    expect(waits.slice(0, 101)).toEqual(Array.from({ length: 101 }, () => 0));
    expect(waits.slice(101, 104)).toEqual([10, 20, 30]);
    expect(waits[150]).toBe(500);
    expect(waits.slice(151)).toEqual(Array.from({ length: 49 }, () => null));
    // The work of 1.51 s is done after that time.
    expect(shaper.admit(1_510, excess)).toEqual({ waitMs: 0 });
  });

  it('never delays who keeps to it', () => {
    const shaper = new ConnectionShaper(10);
    for (let index = 0; index < 50; index += 1)
      expect(shaper.admit(index * 100, { burstMs: 0, queueMs: 0 })).toEqual({ waitMs: 0 });
  });

  it('serves no more than the limit and the burst allow, whenever connections come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 200 }), (gapsMs) => {
        const shaper = new ConnectionShaper(100);
        const servedAtMs: number[] = [];
        let nowMs = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          const admission = shaper.admit(nowMs, { burstMs: 200, queueMs: 300 });
          if (admission !== null) servedAtMs.push(nowMs + admission.waitMs);
        }
        for (const [index, fromMs] of servedAtMs.entries()) {
          const untilMs = servedAtMs.at(-1) ?? 0;
          expect(servedAtMs.length - index).toBeLessThanOrEqual((untilMs - fromMs + 200) / 10 + 1 + 1e-6);
        }
      }),
      { numRuns: 60 },
    );
  });
});
