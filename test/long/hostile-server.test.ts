import { describe, expect, it } from 'vitest';
import { runAgainstHostileServer } from '../fuzz/hostile-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** `DPSLOAD_FUZZ_SEED=7 npm run test:long hostile` shows one run again. */
const SEED = process.env['DPSLOAD_FUZZ_SEED'];
const SEEDS = SEED === undefined ? 10 : 1;
const DEVICES = 3_000;
const folder = temporaryFolder();

describe(`${SEEDS * DEVICES} registrations with a hostile server`, () => {
  it.each(
    Array.from({ length: SEEDS }, (_, n) => Number(SEED ?? Date.now()) + n),
  )('each end as an outcome, seed %i', async (seed) => {
    const { violations, counts } = await runAgainstHostileServer(folder, seed, DEVICES);
    console.log(seed, JSON.stringify(counts));
    expect(violations).toEqual([]);
    expect(Object.keys(counts)).toEqual(expect.arrayContaining(['assigned', 'failed', 'refused', 'disconnected']));
  });
});
