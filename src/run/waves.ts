import type { FleetRow } from '../fleet/fleet-row.ts';
import type { LoadShape } from '../load/pace.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { canaryOf, filtered, leftRows, type SessionWork } from '../selection/session-rows.ts';
import { canaryRule, type StopRule } from './stop-rules.ts';

/** Registrations that must all be settled before the next wave begins: the canary, or one round over the fleet. */
export type Wave = {
  readonly round: number;
  /** Devices of the canary; `null` = not the canary. */
  readonly canaryDevices: number | null;
  readonly shape: LoadShape;
  /** In addition to those of the whole session. */
  readonly rules: readonly StopRule[];
  readonly openSource: () => RowSource;
};

/** The rows that a wave registers. */
export interface RowSource {
  /** The next rows, at most `count`; empty when none are left. */
  take(count: number): Promise<readonly FleetRow[]>;
  close(): Promise<void>;
}

/** Reads the fleet no faster than rows are taken. */
export function fleetSource(rows: AsyncGenerator<FleetRow>): RowSource {
  return {
    async take(count) {
      const taken: FleetRow[] = [];
      while (taken.length < count) {
        const next = await rows.next();
        if (next.done) break;
        taken.push(next.value);
      }
      return taken;
    },
    async close() {
      await rows.return(undefined);
    },
  };
}

export function listSource(rows: readonly FleetRow[]): RowSource {
  const left = [...rows];
  return { take: async (count) => left.splice(0, count), close: async () => {} };
}

/** Ends a source at an operator error and reports it; rows taken before that are still registered. */
export function stoppingSource(source: RowSource, failed: (message: string) => void): RowSource {
  return {
    async take(count) {
      try {
        return await source.take(count);
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
        failed(error.message);
        return [];
      }
    },
    close: () => source.close(),
  };
}

/** The canary, then one wave over the fleet for each round. */
export function sessionWaves(work: SessionWork): readonly Wave[] {
  const { load, isLeft } = work;
  const canary = canaryOf(work);
  const canaryRows = new Set(canary.map(({ row }) => row));
  const first = canary.filter(({ row }) => isLeft(row, 1, true));
  const waves: Wave[] = [];
  if (first.length > 0) {
    waves.push({
      round: 1,
      canaryDevices: first.length,
      shape: { kind: 'closed' },
      rules: [canaryRule()],
      openSource: () => listSource(first),
    });
  }
  for (let round = 1; round <= load.rounds; round += 1) {
    const alreadyDone = round === 1 ? canaryRows : new Set<number>();
    const openSource = () => fleetSource(filtered(leftRows(work, round), ({ row }) => !alreadyDone.has(row)));
    waves.push({ round, canaryDevices: null, shape: load.shape, rules: [], openSource });
  }
  return waves;
}
