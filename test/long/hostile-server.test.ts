import { describe, expect, it } from 'vitest';
import { runAgainstHostileServer } from '../fuzz/hostile-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SEEDS = 10;
const DEVICES = 3_000;
const folder = temporaryFolder();

/** To see a failure again: DPSLOAD_FUZZ_SEED for the short form of this test, with so many devices. */
describe(`${SEEDS * DEVICES} registrations with a hostile server`, () => {
  it.each(Array.from({ length: SEEDS }, (_, n) => Date.now() + n))('each end as an outcome, seed %i', async (seed) => {
    const { violations, counts } = await runAgainstHostileServer(folder, seed, DEVICES);
    console.log(seed, JSON.stringify(counts));
    expect(violations).toEqual([]);
    expect(Object.keys(counts)).toEqual(expect.arrayContaining(['assigned', 'failed', 'refused', 'disconnected']));
  });
});
