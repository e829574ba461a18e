import { describe, expect, it } from 'vitest';
import { agentsChaosRound, LAUNCHES_PER_SECOND } from '../support/agents-chaos.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** One round with known faults; `test/long/agents-chaos.test.ts` has all of them at random moments. */
describe.skipIf(!HAS_REDIS)(
  'a run on agents one of which is killed while another hears nothing (needs redis-server)',
  () => {
    it('loses no row, and marks those that may be registered twice', async () => {
      const always = { isReset: false, directions: ['from'] } as const;
      const tally = await agentsChaosRound(folder, {
        seed: 0,
        rows: 6 * LAUNCHES_PER_SECOND,
        faults: [
          { ...always, kind: 'agent-killed', agent: 0, atMs: 500, forMs: 500 },
          { ...always, kind: 'agent-cut-from-redis', agent: 1, atMs: 1_000, forMs: 3_000 },
        ],
        retryAfterSeconds: 0,
      });
      expect(tally).toMatchObject({ lost: 0, unmarked: 0, lateConnections: 0 });
      expect(tally.losses).toBeGreaterThan(0);
      expect(tally.overMarked).toBeLessThanOrEqual(tally.losses * LAUNCHES_PER_SECOND);
    });
  },
);
