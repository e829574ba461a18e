import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS } from '../support/agent-faults.ts';
import { agentsChaosRound, type ChaosPlan, drawPlan, LAUNCHES_PER_SECOND } from '../support/agents-chaos.ts';
import type { ChaosTally } from '../support/agents-chaos-verdict.ts';
import { HAS_REDIS } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** `CHAOS_SEED=7 CHAOS_ROUNDS=1 npm run test:long agents-chaos` repeats one round. */
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 64);
const SEED = Number(process.env['CHAOS_SEED'] ?? 1);
/** They wait, mostly. */
const SIDE_BY_SIDE = Number(process.env['CHAOS_SIDE_BY_SIDE'] ?? 2);

/**
 * Rows that are marked although they were registered once, for each agent that was given up: those that it was dealt within a second and
 * had not begun, since after a second of silence it is dealt no more. While the others are silent it is dealt all launches.
 */
const OVER_MARKED_MAX = LAUNCHES_PER_SECOND;

const folder = temporaryFolder();

type Round = { readonly plan: ChaosPlan; readonly tally: ChaosTally };

describe.skipIf(!HAS_REDIS)('runs on agents (needs redis-server)', () => {
  it(`survive ${ROUNDS} rounds of faults, from seed ${SEED}`, async () => {
    const limit = pLimit(SIDE_BY_SIDE);
    const failures: unknown[] = [];
    const played = await Promise.all(
      Array.from({ length: ROUNDS }, (_, number) =>
        limit(async (): Promise<Round | null> => {
          const plan = drawPlan(SEED + number);
          try {
            const tally = await agentsChaosRound(folder, plan);
            process.stdout.write(`${lineOf(plan)}: ${JSON.stringify(tally)}\n`);
            return { plan, tally };
          } catch (error) {
            process.stdout.write(`${lineOf(plan)}: ${error}\n${(error as Error).cause}\n`);
            failures.push(error);
            return null;
          }
        }),
      ),
    );
    const rounds = played.filter((round) => round !== null);
    process.stdout.write(tableOf(rounds));
    expect(failures).toEqual([]);
    for (const { plan, tally } of rounds) {
      expect([plan.seed, tally]).toMatchObject([plan.seed, { lost: 0, unmarked: 0, lateConnections: 0 }]);
      expect([plan.seed, tally.overMarked <= tally.losses * OVER_MARKED_MAX]).toEqual([plan.seed, true]);
    }
  }, 7_200_000);
});

function lineOf({ seed, faults }: ChaosPlan): string {
  return `seed ${seed} (${faults.map(({ kind, forMs }) => `${kind} ${forMs} ms`).join(', ')})`;
}

const COLUMNS = [
  'rows',
  'losses',
  'marked',
  'registeredTwice',
  'overMarked',
  'lost',
  'unmarked',
  'lateConnections',
] as const satisfies readonly (keyof ChaosTally)[];

/** A row for each fault; a round with several counts for each of them. */
function tableOf(rounds: readonly Round[]): string {
  const rowOf = (name: string, those: readonly Round[]): string => {
    const sums = COLUMNS.map((column) => those.reduce((sum, { tally }) => sum + tally[column], 0));
    const cells = [those.length, ...sums].map((figure) => String(figure).padStart(16));
    return `${name.padEnd(28)}${cells.join('')}\n`;
  };
  const head = `${'fault'.padEnd(28)}${['rounds', ...COLUMNS].map((name) => name.padStart(16)).join('')}\n`;
  const rows = FAULT_KINDS.map((kind) =>
    rowOf(
      kind,
      rounds.filter(({ plan }) => plan.faults.some((fault) => fault.kind === kind)),
    ),
  );
  return `${head}${rows.join('')}${rowOf('all rounds', rounds)}`;
}
