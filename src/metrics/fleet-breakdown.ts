import { tally } from '../allocation/tally.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { byState, compareNames, type RowState, type StateCounts } from './fleet-account.ts';

/** Values of one column that are counted separately; a column with more is not examined. */
export const COLUMN_VALUES_MAX = 200;

/** Error codes that are examined. */
const CODES_MAX = 50;

/** A value is shared by failures if it covers at least this part of them, … */
const SHARED_MIN = 0.9;
/** … and at most this part of the tried devices with the value were assigned. */
const ASSIGNED_MAX = 0.1;
/** Fewer failures share anything by chance. */
const FAILURES_MIN = 3;

/** The failures with one code nearly all have this value, and devices with this value are hardly ever assigned. */
export type SharedValue = {
  readonly code: string;
  readonly column: string;
  readonly value: string;
  /** Failures with this code and this value, and with this code at all. */
  readonly failed: number;
  readonly failedOfCode: number;
  /** Assigned devices with this value. */
  readonly assigned: number;
};

/** A row of the fleet file. */
export type FileRow = Pick<RegistrationOutcome, 'group' | 'otherValues'> & {
  readonly state: RowState;
  /** Of a failed device; `null` = none. */
  readonly code: string | null;
};

type ValueFold = { readonly states: Map<RowState, number>; readonly codes: Map<string, number> };

/** Counts the rows of the fleet file by the values of its columns. Memory is bounded by columns, values and codes. */
export class FleetBreakdown {
  readonly #columns: readonly string[];
  /** By column; `null` = it has too many values. */
  readonly #values: (Map<string, ValueFold> | null)[];
  readonly #codes = new Map<string, number>();

  /** @param otherColumns names of the columns of `otherValues` */
  constructor(otherColumns: readonly string[]) {
    this.#columns = ['group', ...otherColumns];
    this.#values = this.#columns.map(() => new Map());
  }

  add({ group, otherValues, state, code }: FileRow): void {
    const counted = code !== null && (this.#codes.has(code) || this.#codes.size < CODES_MAX) ? code : null;
    if (counted !== null) tally(this.#codes, counted);
    [group ?? '', ...otherValues].forEach((value, column) => {
      const fold = this.#foldOf(column, value);
      if (fold === null) return;
      tally(fold.states, state);
      if (counted !== null) tally(fold.codes, counted);
    });
  }

  /** Rows by group, in the order of their names, those without one last; empty where no row has a group, or too many have one. */
  groups(): readonly (StateCounts & { readonly group: string })[] {
    const values = [...(this.#values[0] ?? [])];
    if (values.every(([value]) => value === '')) return [];
    values.sort(([a], [b]) => compareNames(a, b));
    return values.map(([group, { states }]) => ({ group, ...byState(states) }));
  }

  /** What failures have in common, the most frequent code first. A column in which all rows are alike says nothing. */
  sharedValues(): readonly SharedValue[] {
    const codes = [...this.#codes].filter(([, count]) => count >= FAILURES_MIN).sort(([, a], [, b]) => b - a);
    return codes.flatMap(([code, failedOfCode]) =>
      this.#columns.flatMap((column, index) => {
        const values = [...(this.#values[index] ?? [])];
        if (values.length < 2) return [];
        return values.flatMap(([value, { states, codes: ofValue }]): SharedValue[] => {
          const [failed, assigned] = [ofValue.get(code) ?? 0, states.get('assigned') ?? 0];
          const isShared =
            failed >= SHARED_MIN * failedOfCode &&
            assigned <= ASSIGNED_MAX * (assigned + (states.get('failed') ?? 0)) &&
            value !== '';
          return isShared ? [{ code, column, value, failed, failedOfCode, assigned }] : [];
        });
      }),
    );
  }

  #foldOf(column: number, value: string): ValueFold | null {
    const values = this.#values[column] ?? null;
    if (values === null) return null;
    const found = values.get(value);
    if (found !== undefined) return found;
    if (values.size === COLUMN_VALUES_MAX) {
      this.#values[column] = null;
      return null;
    }
    const fold: ValueFold = { states: new Map(), codes: new Map() };
    values.set(value, fold);
    return fold;
  }
}
