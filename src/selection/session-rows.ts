import type { FleetRow } from '../fleet/fleet-row.ts';
import type { SettlementIndex } from '../journal/settlement-index.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { RowSelection } from './row-selection.ts';

/** Which rows of the fleet to register. */
type RowChoice = {
  readonly load: Pick<Scenario['load'], 'rowsMax'>;
  readonly selection: RowSelection;
};

export type SessionWork = RowChoice & {
  readonly load: Pick<Scenario['load'], 'shape' | 'rounds'>;
  /** Reads the fleet from its beginning. */
  readonly openFleet: () => AsyncGenerator<FleetRow>;
  /** Registrations that earlier sessions released and have no outcome of: all are taken, whatever the limit; `null` = a new run. */
  readonly possiblySent: Pick<SettlementIndex, 'isOpen' | 'openCount' | 'openCountOf'> | null;
  /** Returns whether a registration is left to do; earlier sessions may have settled it. */
  readonly isLeft: (row: number, round: number, isCanary: boolean) => boolean;
};

/** How many registrations all waves have together. */
export async function countRegistrations(work: SessionWork): Promise<number> {
  const { load, isLeft, possiblySent } = work;
  const canaryRows = new Set(canaryOf(work).map(({ row }) => row));
  let count = possiblySent?.openCount ?? 0;
  for await (const { row } of rowsOf(work)) {
    for (let round = 1; round <= load.rounds; round += 1) {
      if (!isOpen(work, row, round) && isLeft(row, round, round === 1 && canaryRows.has(row))) count += 1;
    }
  }
  return count;
}

/** Each row with a registration left to do, once, in the order of the fleet. */
export async function* rowsLeft(work: SessionWork): AsyncGenerator<FleetRow> {
  const takes = rowTaker(work);
  const canaryRows = new Set(canaryOf(work).map(({ row }) => row));
  const rounds = Array.from({ length: work.load.rounds }, (_, index) => index + 1);
  for await (const row of work.openFleet()) {
    const isTaken = takes(row);
    const isLeftIn = (round: number): boolean =>
      isOpen(work, row.row, round) || (isTaken && work.isLeft(row.row, round, round === 1 && canaryRows.has(row.row)));
    if (rounds.some(isLeftIn)) yield row;
  }
}

/** How many rows of the fleet the limit leaves of the selection, whether or not earlier sessions settled them. */
export function selectedRows({
  load: { rowsMax },
  selection: { rows },
}: Pick<RowChoice, 'load'> & { readonly selection: Pick<RowSelection, 'rows'> }): number {
  return Math.min(rows, rowsMax ?? rows);
}

/** First and last row, inclusive. */
export type RowRange = readonly [first: number, last: number];

/** Those rows, in the order of the fleet. */
export async function* selectedRanges(work: SessionWork): AsyncGenerator<RowRange> {
  let open: RowRange | null = null;
  for await (const { row } of rowsOf(work)) {
    if (open !== null && row === open[1] + 1) {
      open = [open[0], row];
    } else {
      if (open !== null) yield open;
      open = [row, row];
    }
  }
  if (open !== null) yield open;
}

/** The rows of one round: those possibly sent, then those left up to the limit. */
export async function* leftRows(work: SessionWork, round: number): AsyncGenerator<FleetRow> {
  yield* openRows(work, round);
  yield* filtered(rowsOf(work), ({ row }) => !isOpen(work, row, round) && work.isLeft(row, round, false));
}

/** Stops reading the fleet after the last of them. */
async function* openRows(work: SessionWork, round: number): AsyncGenerator<FleetRow> {
  let left = work.possiblySent?.openCountOf(round) ?? 0;
  if (left === 0) return;
  for await (const row of work.openFleet()) {
    if (!isOpen(work, row.row, round)) continue;
    yield row;
    left -= 1;
    if (left === 0) return;
  }
}

function isOpen({ possiblySent }: SessionWork, row: number, round: number): boolean {
  return possiblySent?.isOpen(row, round) ?? false;
}

export function canaryOf({ load: { rowsMax }, selection: { canary } }: RowChoice): readonly FleetRow[] {
  return rowsMax === null ? canary : canary.slice(0, rowsMax);
}

/** In the order of the fleet. */
async function* rowsOf(work: SessionWork): AsyncGenerator<FleetRow> {
  const takes = rowTaker(work);
  let left = work.load.rowsMax ?? Number.POSITIVE_INFINITY;
  for await (const row of work.openFleet()) {
    if (!takes(row)) continue;
    yield row;
    left -= 1;
    if (left === 0) return;
  }
}

/** Returns a filter to call with every row of the fleet, in order: it takes the canary, and as many others as the limit leaves. */
export function rowTaker(choice: RowChoice): (row: FleetRow) => boolean {
  const { load, selection } = choice;
  const canaryRows = new Set(canaryOf(choice).map(({ row }) => row));
  let othersLeft = (load.rowsMax ?? Number.POSITIVE_INFINITY) - canaryRows.size;
  return (row) => {
    if (canaryRows.has(row.row)) return true;
    if (othersLeft === 0 || !selection.takes(row)) return false;
    othersLeft -= 1;
    return true;
  };
}

export async function* filtered(
  rows: AsyncGenerator<FleetRow>,
  keep: (row: FleetRow) => boolean,
): AsyncGenerator<FleetRow> {
  for await (const row of rows) if (keep(row)) yield row;
}
