import { expect, it } from 'vitest';
import { crashTest, WINDOW_ROWS } from '../support/crash-test.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

it('killed at random moments and resumed, a run loses no device and marks all that it may have registered twice', async () => {
  const tally = await crashTest({ folder, rounds: 2, rows: 400, concurrency: 50, seed: 7 });
  expect(tally).toMatchObject({ lost: 0, unmarked: 0, ungrantedMax: 0 });
  expect(tally.unlaunchedMax).toBeLessThanOrEqual(WINDOW_ROWS);
  expect(tally.overMarked).toBeLessThanOrEqual((tally.kills + tally.workersLost) * WINDOW_ROWS);
  expect(tally.kills).toBeGreaterThan(0);
});
