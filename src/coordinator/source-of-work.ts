import type { FleetRow } from '../fleet/fleet-row.ts';
import { OperatorError } from '../problem/operator-error.ts';

/** Where the rows come from that a run registers. */
export interface SourceOfWork {
  /** The next rows, `count` at most; none when there is no more work. */
  take(count: number): Promise<readonly FleetRow[]>;
  close(): Promise<void>;
}

/** Reads the fleet from its stream, no faster than rows are taken. */
export function fleetSource(rows: AsyncGenerator<FleetRow>): SourceOfWork {
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

export function listSource(rows: readonly FleetRow[]): SourceOfWork {
  const left = [...rows];
  return { take: async (count) => left.splice(0, count), close: async () => {} };
}

/** One that fails has no more rows from then on: what it gave before is still registered. */
export function stoppingSource(source: SourceOfWork, failed: (message: string) => void): SourceOfWork {
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
