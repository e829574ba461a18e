import { describe, expect, it } from 'vitest';
import { EVERY_FAULT } from '../fuzz/every-fault.ts';
import { FUZZ_CELLS, fuzzSessions } from '../fuzz/fuzz-sessions.ts';

const SEEDS = 10;
const PIECES_PER_SEED = 15_000;

/** To see a failure again: the seed that it names, in the short form of this test. */
const seeds = Array.from({ length: SEEDS }, (_, n) => Date.now() + n);

describe(`${SEEDS * PIECES_PER_SEED} hostile packets and byte streams`, () => {
  const cells = new Set<string>();
  it.each(seeds)('break nothing with seed %i', async (seed) => {
    const report = await fuzzSessions(seed, PIECES_PER_SEED);
    expect(report.violations).toEqual([]);
    for (const cell of report.cells) cells.add(cell);
  });

  it('were of every packet type in every state', () => {
    expect(cells.size).toBe(FUZZ_CELLS);
  });

  it.each(seeds)('break nothing while every fault strikes, with seed %i', async (seed) => {
    const report = await fuzzSessions(seed, PIECES_PER_SEED, EVERY_FAULT);
    expect(report.violations).toEqual([]);
    expect(report.faults).toBeGreaterThan(500);
  });
});
