import type { FleetRow } from '../fleet/fleet-row.ts';
import { formatCount } from '../report/format.ts';

/**
 * Most rows of a canary. They are held on the heap, and a fleet may have a group for each row. This is the largest `--canary` for one
 * group, and five times the default for each of the 100 enrollment groups that an instance can have.
 */
export const CANARY_ROWS_MAX = 10_000;

/** Collects the first rows of each group, in the order of the fleet. */
export class Canary {
  readonly rows: FleetRow[] = [];
  readonly #perGroup: number;
  readonly #rowsOf = new Map<string | null, number>();
  #isCut = false;

  constructor(perGroup: number) {
    this.#perGroup = perGroup;
  }

  offer(row: FleetRow): void {
    const before = this.#rowsOf.get(row.group) ?? 0;
    if (before >= this.#perGroup) return;
    if (this.rows.length === CANARY_ROWS_MAX) {
      this.#isCut = true;
      return;
    }
    this.#rowsOf.set(row.group, before + 1);
    this.rows.push(row);
  }

  get warnings(): readonly string[] {
    return this.#isCut
      ? [`the canary is limited to ${formatCount(CANARY_ROWS_MAX)} rows: groups that begin after them have no canary`]
      : [];
  }
}
