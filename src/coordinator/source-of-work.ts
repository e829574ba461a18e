import type { FleetRow } from '../fleet/fleet-row.ts';

/** Where the rows come from that a run registers. */
export interface SourceOfWork {
  /** The next rows, `count` at most; none when there is no more work. */
  take(count: number): Promise<readonly FleetRow[]>;
  close(): Promise<void>;
}

/** Reads the fleet from its stream, no faster than rows are taken. @param rowsMax `null` = the whole fleet. */
export function fleetSource(rows: AsyncGenerator<FleetRow>, rowsMax: number | null): SourceOfWork {
  let left = rowsMax ?? Number.POSITIVE_INFINITY;
  return {
    async take(count) {
      const taken: FleetRow[] = [];
      while (taken.length < count && left > 0) {
        const next = await rows.next();
        if (next.done) left = 0;
        else {
          taken.push(next.value);
          left -= 1;
        }
      }
      return taken;
    },
    async close() {
      await rows.return(undefined);
    },
  };
}
