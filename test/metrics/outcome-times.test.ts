import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcomeTimes } from '../../src/metrics/outcome-times.ts';
import { outcomeRecord } from '../support/sample-journal.ts';

const ms = fc.double({ min: 0, max: 1e8, noNaN: true });
const micros = (value: number): number => Math.round(value * 1000);

describe('where the time of a registration went', () => {
  it.each([
    // intended, started, finished, held, waited → response, held, lag, service, waited
    [0, 0, 100, 0, 0, [100, 0, 0, 100, 0]],
    [1000, 1010, 4210, 0, 3000, [3210, 0, 10, 200, 3000]],
    [1000, 61_002.5, 64_203, 60_000, 3000.25, [63_203, 60_000, 2.5, 200.25, 3000.25]],
    [0.1, 0.2, 0.3, 0, 0, [0.2, 0, 0.1, 0.1, 0]],
  ])('%f %f %f, held %f, waited %f', (intendedAtMs, startedAtMs, finishedAtMs, heldMs, waitedMs, expected) => {
    const times = outcomeTimes(outcomeRecord(0, { intendedAtMs, startedAtMs, finishedAtMs, heldMs, waitedMs }));
    expect(times && [times.responseMs, times.heldMs, times.startLagMs, times.serviceMs, times.waitedMs]).toEqual(
      expected,
    );
  });

  it('adds up exactly, to the microsecond', () => {
    fc.assert(
      fc.property(ms, ms, ms, ms, ms, (intendedAtMs, startedAtMs, finishedAtMs, heldMs, waitedMs) => {
        const times = outcomeTimes(outcomeRecord(0, { intendedAtMs, startedAtMs, finishedAtMs, heldMs, waitedMs }));
        if (times === null) throw new Error('no times');
        const { responseMs, heldMs: held, startLagMs, serviceMs, waitedMs: waited } = times;
        expect(micros(responseMs)).toBe(micros(held) + micros(startLagMs) + micros(serviceMs) + micros(waited));
      }),
    );
  });

  it.each([{ intendedAtMs: null }, { startedAtMs: null }, { finishedAtMs: null }])('is not known with %o', (absent) => {
    expect(outcomeTimes(outcomeRecord(0, absent))).toBeNull();
  });
});
