import { expect, it } from 'vitest';
import { reconcileRuns, type Tally } from '../support/reconciled-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** `RECONCILE_RUNS=500 RECONCILE_SEED=61 npm run test:long reconciled-runs`. */
const RUNS = Number(process.env['RECONCILE_RUNS'] ?? 60);
const SEED = Number(process.env['RECONCILE_SEED'] ?? 1);

const folder = temporaryFolder();

it(`accounts for every row of ${RUNS} random runs as the emulator does, from seed ${SEED}`, async () => {
  const seen: Record<string, number> = {};
  for (let seed = SEED; seed < SEED + RUNS; seed += 1) {
    const tally: Tally = await reconcileRuns(folder, seed);
    for (const [name, count] of Object.entries(tally)) seen[name] = (seen[name] ?? 0) + count;
  }
  process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`);
  // Random runs that never reach a case have shown nothing about it.
  for (const [name, count] of Object.entries(seen)) expect([name, count > 0]).toEqual([name, true]);
}, 3_600_000);
