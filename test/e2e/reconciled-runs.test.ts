import { describe, expect, it } from 'vitest';
import { endingOf, reconcileRuns } from '../support/reconciled-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The first of two seeds; the long tests have more: `RECONCILE_SEED=9 npx vitest run …`. */
const SEED = Number(process.env['RECONCILE_SEED'] ?? 1);

const folder = temporaryFolder();

// They mostly wait.
describe.concurrent('every row is accounted for, as the emulator has it', () => {
  it.each(
    Array.from({ length: 2 }, (_, index) => [endingOf(SEED + index), SEED + index] as const),
  )('runs that are taken %s, seed %i', async (_, seed) => {
    const { outputs } = await reconcileRuns(folder, seed);
    expect(outputs).toBeGreaterThan(0);
  });
});
