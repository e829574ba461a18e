import { JournalFormatError } from './journal-codec.ts';
import type { GrantRecord, OutcomeRecord } from './journal-record.ts';

/** Released to a worker, and nothing heard of it since. */
const OPEN = 1;
/** Released again while open: the service may have seen both. */
const RELEASED_TWICE = 2;

const NO_OUTCOME = -1;

/**
 * How far each registration of a run is settled: what grants and outcomes, in the order of the journal, leave behind.
 * 9 bytes for each, outside the heap.
 */
export class SettlementIndex {
  readonly rows: number;
  readonly rounds: number;
  /** Byte offset of the last outcome's line. */
  readonly #offsets: Float64Array;
  readonly #flags: Uint8Array;

  constructor(rows: number, rounds: number) {
    this.rows = rows;
    this.rounds = rounds;
    this.#offsets = new Float64Array(rows * rounds).fill(NO_OUTCOME);
    this.#flags = new Uint8Array(rows * rounds);
  }

  addGrant({ rows, round }: GrantRecord): void {
    for (const [first, last] of rows) {
      for (let row = first; row <= last; row += 1) {
        const place = this.#placeOf(row, round);
        const flags = this.#flags[place] ?? 0;
        this.#flags[place] = flags & OPEN ? flags | RELEASED_TWICE : flags | OPEN;
      }
    }
  }

  addOutcome({ row, round }: OutcomeRecord, offset: number): void {
    const place = this.#placeOf(row, round);
    this.#offsets[place] = offset;
    this.#flags[place] = (this.#flags[place] ?? 0) & ~OPEN;
  }

  /** Offset of the outcome that counts; `null` for a registration that has none, or was released again since. */
  outcomeOffset(row: number, round: number): number | null {
    const offset = this.#offsets[this.#placeOf(row, round)];
    return offset === undefined || offset === NO_OUTCOME || this.isOpen(row, round) ? null : offset;
  }

  /** Released to a worker without an outcome: perhaps sent. */
  isOpen(row: number, round: number): boolean {
    return ((this.#flags[this.#placeOf(row, round)] ?? 0) & OPEN) !== 0;
  }

  /** Whether every registration has an outcome that counts. */
  get complete(): boolean {
    return this.#offsets.every((offset, place) => offset !== NO_OUTCOME && ((this.#flags[place] ?? 0) & OPEN) === 0);
  }

  wasReleasedTwice(row: number, round: number): boolean {
    return ((this.#flags[this.#placeOf(row, round)] ?? 0) & RELEASED_TWICE) !== 0;
  }

  #placeOf(row: number, round: number): number {
    if (row < this.rows && round >= 1 && round <= this.rounds) return row * this.rounds + round - 1;
    throw new JournalFormatError(
      `names row ${row} of round ${round}, and the fleet has ${this.rows} rows and ${this.rounds} rounds`,
    );
  }
}
