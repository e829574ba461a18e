import { expect, it } from 'vitest';
import { crashTest, OUTSTANDING_MAX } from '../support/crash-test.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** `CRASH_ROUNDS=500 CRASH_SEED=3 npm run test:long crash`. */
const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 100);
const SEED = Number(process.env['CRASH_SEED'] ?? 1);

const folder = temporaryFolder();

it(`survives ${ROUNDS} crashes and power cuts, seed ${SEED}`, async () => {
  const tally = await crashTest({ folder, rounds: ROUNDS, rows: 130 * ROUNDS, seed: SEED });
  process.stdout.write(`${JSON.stringify(tally, null, 2)}\n`);
  expect(tally).toMatchObject({ lost: 0, unmarked: 0, ungrantedMax: 0 });
  expect(tally.openMax).toBeLessThanOrEqual(OUTSTANDING_MAX);
  // More rows than the sessions get through: there is always a run to kill.
  expect(tally.kills).toBeGreaterThanOrEqual(0.95 * ROUNDS);
  expect(tally.overMarked).toBeLessThanOrEqual(tally.kills * OUTSTANDING_MAX);
}, 3_600_000);
