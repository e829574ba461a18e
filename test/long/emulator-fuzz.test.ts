import { describe, expect, it } from 'vitest';
import { fuzzSessions } from '../fuzz/fuzz-sessions.ts';

const SEEDS = 10;
const PIECES_PER_SEED = 15_000;

/** To see a failure again: the seed that it names, in the short form of this test. */
describe(`${SEEDS * PIECES_PER_SEED} hostile packets and byte streams`, () => {
  it.each(Array.from({ length: SEEDS }, (_, n) => Date.now() + n))('break nothing with seed %i', async (seed) => {
    expect((await fuzzSessions(seed, PIECES_PER_SEED)).violations).toEqual([]);
  });
});
