import type { FleetRow } from '../fleet/fleet-row.ts';
import type { Launch } from '../registration/launch.ts';
import type { RowSource } from './waves.ts';

/** A row to register, without its place in time. */
export type RowToLaunch = Omit<Launch, 'sequence' | 'intendedAtMs' | 'heldMs' | 'notBeforeMs'> & {
  /** Of one that was perhaps sent and is made again: its response time counts from there. */
  readonly firstIntendedAtMs: number | null;
};

/** What is released to workers and not settled, and what came back from them to be released again. */
export class LaunchLedger {
  readonly #open = new Map<number, { readonly launch: Launch; readonly worker: number }>();
  #putBack: RowToLaunch[] = [];

  /** Rows that came back first, then new ones. */
  async take(count: number, source: RowSource, round: number): Promise<readonly RowToLaunch[]> {
    const again = this.#putBack.splice(0, count);
    if (again.length === count) return again;
    const rows = await source.take(count - again.length);
    return [...again, ...rows.map((row) => unplaced(row, round))];
  }

  /**
   * One row to see whether anything gets through: a new one as long as there are any, since those that came back may be just
   * those which nobody lets in.
   */
  async takeProbe(source: RowSource, round: number): Promise<readonly RowToLaunch[]> {
    const [row] = await source.take(1);
    return row === undefined ? this.#putBack.splice(0, 1) : [unplaced(row, round)];
  }

  /** Nothing is with the workers, and nothing waits to be released again. */
  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#putBack.length === 0;
  }

  released(worker: number, launches: readonly Launch[]): void {
    for (const launch of launches) this.#open.set(launch.row, { launch, worker });
  }

  /** @returns the launch that the outcome of this row belongs to. */
  settle(row: number): Launch {
    const released = this.#open.get(row);
    if (released === undefined) throw new Error(`row ${row} was settled without having been released`);
    this.#open.delete(row);
    return released.launch;
  }

  /** Takes out what a worker held that is gone: nothing will be heard of it. */
  lost(worker: number): readonly Launch[] {
    const lost = [...this.#open.values()].filter((released) => released.worker === worker);
    return lost.map(({ launch }) => this.settle(launch.row));
  }

  /** A launch that never was sent: it has its first start yet to come. */
  requeueUnsent(launch: Launch): void {
    this.#putBack.push({ ...rowOf(launch), firstIntendedAtMs: null });
  }

  /** A launch that was perhaps sent, and is to be made again. */
  requeuePossiblySent(launch: Launch): void {
    this.#putBack.push({ ...rowOf(launch), firstIntendedAtMs: launch.intendedAtMs });
  }
}

function unplaced(row: FleetRow, round: number): RowToLaunch {
  return { ...row, round, firstIntendedAtMs: null };
}

function rowOf({
  sequence: _sequence,
  intendedAtMs: _intended,
  heldMs: _held,
  notBeforeMs: _notBefore,
  ...row
}: Launch): Omit<RowToLaunch, 'firstIntendedAtMs'> {
  return row;
}
