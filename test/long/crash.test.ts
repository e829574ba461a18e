import { expect, it } from 'vitest';
import { crashTest, WINDOW_ROWS } from '../support/crash-test.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** `CRASH_ROUNDS=500 CRASH_SEED=3 npm run test:long crash`. */
const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 100);
const SEED = Number(process.env['CRASH_SEED'] ?? 1);
/** More slots than a window has rows, so that they are not what bounds it. */
const CONCURRENCY = 2 * WINDOW_ROWS;

const folder = temporaryFolder();

it(`survives ${ROUNDS} crashes and power cuts, seed ${SEED}`, async () => {
  const tally = await crashTest({ folder, rounds: ROUNDS, rows: 130 * ROUNDS, concurrency: CONCURRENCY, seed: SEED });
  process.stdout.write(`${JSON.stringify(tally, null, 2)}\n`);
  expect(tally).toMatchObject({ lost: 0, unmarked: 0, ungrantedMax: 0 });
  // More rows than the sessions get through: there is always a run to kill.
  expect(tally.kills).toBeGreaterThanOrEqual(0.95 * ROUNDS);
  expect(tally.workersLost).toBeGreaterThan(0);
  expect(tally.unlaunchedMax).toBeLessThanOrEqual(WINDOW_ROWS);
  expect(tally.overMarked).toBeLessThanOrEqual((tally.kills + tally.workersLost) * WINDOW_ROWS);
}, 3_600_000);
