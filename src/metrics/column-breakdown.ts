import { tally } from '../allocation/tally.ts';
import type { AgentLabels } from '../journal/agent-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { byState, compareNames, type RowState, type StateCounts, sumOfStates } from './fleet-account.ts';

/** Values of one column that are counted separately, in the order of the file: about 10 MB. Rows with later ones are summed. */
export const VALUES_COUNTED_MAX = 10_000;

/** Values of one column that are shown: nobody reads a longer table. */
export const VALUES_SHOWN_MAX = 50;

/** Hubs that are counted separately for one column: more than a DPS instance has. Bounds memory if the service invents some. */
const HUBS_MAX = 200;

/** A row of the fleet file, for results by its columns. */
export type BrokenDownRow = Pick<RegistrationOutcome, 'group' | 'expectedHub' | 'otherValues' | 'assignedHub'> & {
  readonly state: RowState;
  /** Of the agent that registered it; empty without one. */
  readonly agentLabels: AgentLabels;
  /** `false` = its columns can no longer be read. */
  readonly isNamed: boolean;
};

export type RowCounts = StateCounts & {
  readonly rows: number;
  /** Hubs of the assigned devices, the largest first. */
  readonly hubs: readonly { readonly hub: string; readonly count: number }[];
};

export type ColumnCounts = {
  readonly column: string;
  /** Those with the most failures first, then those with the most rows, then by name; `value` is `null` where it can no longer be read. */
  readonly values: readonly (RowCounts & { readonly value: string | null })[];
  /** The sum of all others; `values` is `null` if they are too many to be counted. */
  readonly others: (RowCounts & { readonly values: number | null }) | null;
};

class RowFold {
  readonly #states = new Map<RowState, number>();
  readonly #hubs = new Map<string, number>();

  add(state: RowState, hub: string | null): void {
    tally(this.#states, state);
    if (hub !== null) tally(this.#hubs, hub);
  }

  /** Adds the rows of another fold. */
  addAll(other: RowFold): void {
    for (const [state, count] of other.#states) tally(this.#states, state, count);
    for (const [hub, count] of other.#hubs) tally(this.#hubs, hub, count);
  }

  result(): RowCounts {
    const counts = byState(this.#states);
    const hubs = [...this.#hubs].map(([hub, count]) => ({ hub, count }));
    return { rows: sumOfStates(counts), ...counts, hubs: hubs.sort((a, b) => b.count - a.count) };
  }
}

/** Counts the rows of the fleet file by the value of one column. Memory is bounded by values and hubs. */
export class ColumnBreakdown {
  readonly #column: string;
  readonly #valueIn: (row: BrokenDownRow) => string;
  readonly #values = new Map<string | null, RowFold>();
  /** Rows of values beyond `VALUES_COUNTED_MAX`; `null` = none. */
  #uncounted: RowFold | null = null;
  readonly #hubs = new Set<string>();

  constructor(column: string, valueIn: (row: BrokenDownRow) => string) {
    this.#column = column;
    this.#valueIn = valueIn;
  }

  add(row: BrokenDownRow): void {
    const { state, assignedHub } = row;
    const hub = state === 'assigned' && assignedHub !== null && this.#isCounted(assignedHub) ? assignedHub : null;
    this.#foldOf(row.isNamed ? this.#valueIn(row) : null).add(state, hub);
  }

  result(): ColumnCounts {
    const unread = this.#values.get(null);
    const read = [...this.#values].flatMap(([value, fold]) =>
      value === null ? [] : [{ value, fold, counts: fold.result() }],
    );
    read.sort(
      (a, b) => b.counts.failed - a.counts.failed || b.counts.rows - a.counts.rows || compareNames(a.value, b.value),
    );
    const values = read.slice(0, VALUES_SHOWN_MAX).map(({ value, counts }) => ({ value, ...counts }));
    return {
      column: this.#column,
      values: unread === undefined ? values : [...values, { value: null, ...unread.result() }],
      others: this.#others(read.slice(VALUES_SHOWN_MAX).map(({ fold }) => fold)),
    };
  }

  #others(folds: readonly RowFold[]): ColumnCounts['others'] {
    if (folds.length === 0) return null;
    const sum = new RowFold();
    for (const fold of folds) sum.addAll(fold);
    if (this.#uncounted !== null) sum.addAll(this.#uncounted);
    return { values: this.#uncounted === null ? folds.length : null, ...sum.result() };
  }

  #foldOf(value: string | null): RowFold {
    const found = this.#values.get(value);
    if (found !== undefined) return found;
    if (value !== null && this.#values.size >= VALUES_COUNTED_MAX) {
      this.#uncounted ??= new RowFold();
      return this.#uncounted;
    }
    const fold = new RowFold();
    this.#values.set(value, fold);
    return fold;
  }

  #isCounted(hub: string): boolean {
    if (this.#hubs.size < HUBS_MAX) this.#hubs.add(hub);
    return this.#hubs.has(hub);
  }
}

/**
 * Counts by a column of the fleet or, where the fleet has none of this name, by a label of agents. A row without a group or an
 * expected hub has an empty value.
 *
 * @param otherColumns names of the columns of `otherValues`
 */
export function byColumn(column: string, otherColumns: readonly string[]): ColumnBreakdown {
  return new ColumnBreakdown(column, valueReader(column, otherColumns));
}

/** Counts by a label of the agents. A row that no agent registered has an empty value. */
export function byLabel(label: string): ColumnBreakdown {
  return new ColumnBreakdown(label, labelReader(label));
}

function labelReader(label: string): (row: BrokenDownRow) => string {
  return ({ agentLabels }) => (Object.hasOwn(agentLabels, label) ? (agentLabels[label] ?? '') : '');
}

function valueReader(column: string, otherColumns: readonly string[]): (row: BrokenDownRow) => string {
  if (column === 'group') return ({ group }) => group ?? '';
  if (column === 'expected_hub') return ({ expectedHub }) => expectedHub ?? '';
  const place = otherColumns.indexOf(column);
  if (place < 0) return labelReader(column);
  return ({ otherValues }) => otherValues[place] ?? '';
}
