import { tally } from '../allocation/tally.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { FAILED_RESULTS } from './outcome-counts.ts';

/** What became of a row of the fleet file. Every row has exactly one of these. */
export type RowState =
  | 'assigned' // the service named a hub
  | 'failed' // tried, and finally without a hub
  | 'left-out' // unusable, a duplicate or an exact copy
  | 'not-selected' // --limit, --only or --exclude did not select it
  | 'not-started' // selected, but nothing was sent for it
  | 'unknown'; // possibly sent, without an answer

/** A device of the fleet with the outcome that counts: the latest that was sent, else the last. */
export type DeviceStanding = { readonly state: RowState; readonly outcome: RegistrationOutcome };

/** Rows by state. */
export type StateCounts = Readonly<
  Record<'assigned' | 'failed' | 'leftOut' | 'notSelected' | 'notStarted' | 'unknown', number>
>;

/** Rows of the fleet file by state. The file has as many rows as all states together. */
export type FleetAccount = StateCounts & { readonly fileRows: number };

export function sumOfStates(counts: StateCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** All states, including those with 0. */
export function byState(counts: ReadonlyMap<RowState, number>): StateCounts {
  const of = (state: RowState): number => counts.get(state) ?? 0;
  return {
    assigned: of('assigned'),
    failed: of('failed'),
    leftOut: of('left-out'),
    notSelected: of('not-selected'),
    notStarted: of('not-started'),
    unknown: of('unknown'),
  };
}

const NAMES = new Intl.Collator('en', { numeric: true });

/** Orders values of a column, by which rows are counted, as people do: `line-2` before `line-10`, and the empty value last. */
export function compareNames(a: string, b: string): number {
  return Number(a === '') - Number(b === '') || NAMES.compare(a, b);
}

export type AccountBasis = {
  /** Returns whether some session selected the row; `null` = the journal does not record it. */
  readonly wasSelected: (row: number) => boolean | null;
  /** The run did everything that it was to do. Decides about rows of which the journal records no selection. */
  readonly isDone: boolean;
  /** Rounds over the fleet. */
  readonly rounds: number;
  /** Rows of the file that were left out. */
  readonly leftOut: number;
};

/** Folds the outcomes that count, in the order of the fleet, into an account of its devices. Rounds count a device once. */
export class AccountFold {
  readonly #basis: AccountBasis;
  readonly #counts = new Map<RowState, number>();
  #latest: RegistrationOutcome | null = null;

  constructor(basis: AccountBasis) {
    this.#basis = basis;
    this.#counts.set('left-out', basis.leftOut);
  }

  /** Returns the standing of the device after its last round; `null` before. */
  add(outcome: RegistrationOutcome): DeviceStanding | null {
    if (this.#latest === null || wasSent(outcome) || !wasSent(this.#latest)) this.#latest = outcome;
    if (outcome.round < this.#basis.rounds) return null;
    const standing = { state: this.#stateOf(this.#latest), outcome: this.#latest };
    this.#latest = null;
    tally(this.#counts, standing.state);
    return standing;
  }

  result(): FleetAccount {
    const counts = byState(this.#counts);
    return { fileRows: sumOfStates(counts), ...counts };
  }

  #stateOf(outcome: RegistrationOutcome): RowState {
    const { result, row } = outcome;
    if (result === 'assigned') return 'assigned';
    if (FAILED_RESULTS.includes(result)) return 'failed';
    if (wasSent(outcome)) return 'unknown';
    const isSelected = result === 'cancelled' || (this.#basis.wasSelected(row) ?? !this.#basis.isDone);
    return isSelected ? 'not-started' : 'not-selected';
  }
}

/** A cancelled registration counts only if a register request was sent: until then the service knows nothing of the device. */
function wasSent({ result, registersSent }: RegistrationOutcome): boolean {
  return result === 'cancelled' ? registersSent > 0 : result !== 'not-started';
}
