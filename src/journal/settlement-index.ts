import { REGISTRATION_RESULTS } from '../registration/registration-outcome.ts';
import { JournalFormatError } from './journal-line.ts';
import type {
  EndRecord,
  GrantRecord,
  JournalRecord,
  OutcomeRecord,
  SelectionRecord,
  SessionRecord,
} from './journal-record.ts';
import type { SettlementState } from './resume-decision.ts';

/** Released to a worker without an outcome so far. */
const OPEN = 1;
/** Released again while it was open: the earlier release will never have an outcome. */
const LEFT_OPEN = 2;
/** An outcome says that the service accepted, or may have accepted, a register request. */
const ACCEPTED = 4;
/** Settled again after the service may already have acted on it. */
const TWICE = 8;
/** Above the flags: the 1-based index of the last outcome's result in `REGISTRATION_RESULTS`; 0 = none. */
const RESULT_SHIFT = 4;
const FLAGS = (1 << RESULT_SHIFT) - 1;

const NO_OUTCOME = -1;

/**
 * How far each registration of a run is settled, from the journal's grants and outcomes in order. Takes 9 bytes a registration
 * and 1 byte a row, outside the heap.
 *
 * An outcome `not-started` takes a grant back and keeps everything known before. Only a later assignment replaces an assignment:
 * a later failure or silence leaves the device assigned.
 */
export class SettlementIndex {
  readonly rounds: number;
  #rows: number;
  /** Byte offset of the last outcome's line. */
  #offsets: Float64Array;
  #states: Uint8Array;
  /** Releases that another one of the same registration followed before any outcome, and whose requests no outcome includes. */
  #lostReleases = 0;
  /** 1 = some session selected the row. */
  #selected: Uint8Array;

  constructor(rows: number, rounds: number) {
    this.#rows = rows;
    this.rounds = rounds;
    this.#offsets = new Float64Array(rows * rounds).fill(NO_OUTCOME);
    this.#states = new Uint8Array(rows * rounds);
    this.#selected = new Uint8Array(rows);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Appends rows to the fleet. */
  growTo(rows: number): void {
    const [offsets, states, selected] = [this.#offsets, this.#states, this.#selected];
    this.#rows = rows;
    this.#offsets = new Float64Array(rows * this.rounds).fill(NO_OUTCOME);
    this.#offsets.set(offsets);
    this.#states = new Uint8Array(rows * this.rounds);
    this.#states.set(states);
    this.#selected = new Uint8Array(rows);
    this.#selected.set(selected);
  }

  /** Rows of the fleet that a session selected, first and last inclusive. */
  select(first: number, last: number): void {
    if (last >= this.#rows) throw new JournalFormatError(`selects row ${last}, but the fleet has ${this.#rows} rows`);
    this.#selected.fill(1, first, last + 1);
  }

  isSelected(row: number): boolean {
    return this.#selected[row] === 1;
  }

  addGrant({ rows, round }: GrantRecord): void {
    for (const [first, last] of rows) {
      for (let row = first; row <= last; row += 1) {
        const place = this.#placeOf(row, round);
        if (this.#has(place, OPEN)) this.#lostReleases += 1;
        this.#states[place] = this.#stateAt(place) | (this.#has(place, OPEN) ? LEFT_OPEN : OPEN);
      }
    }
  }

  addOutcome(outcome: OutcomeRecord, offset: number): void {
    const { row, round, result } = outcome;
    const place = this.#placeOf(row, round);
    const flags = this.#stateAt(place) & FLAGS;
    this.#lostReleases -= outcome.launchesIncluded;
    if (result === 'not-started') {
      this.#states[place] = this.#stateAt(place) & ~OPEN;
      // Its line still names the device.
      if (this.#resultAt(place) === null) this.#offsets[place] = offset;
      return;
    }
    const isAccepted = wasAccepted(outcome);
    if (this.#resultAt(place) === 'assigned' && result !== 'assigned') {
      this.#states[place] = (this.#stateAt(place) & ~OPEN) | (isAccepted ? TWICE : 0);
      return;
    }
    const twice = flags & (LEFT_OPEN | ACCEPTED) ? TWICE : flags & TWICE;
    const accepted = isAccepted ? ACCEPTED : flags & ACCEPTED;
    this.#states[place] = twice | accepted | ((REGISTRATION_RESULTS.indexOf(result) + 1) << RESULT_SHIFT);
    this.#offsets[place] = offset;
  }

  /** Offset of the outcome that counts; `null` without one, or if the registration is not assigned and was released again since. */
  outcomeOffset(row: number, round: number): number | null {
    const place = this.#placeOf(row, round);
    const offset = this.#offsets[place];
    return offset === undefined || offset === NO_OUTCOME || this.#isOpen(place) ? null : offset;
  }

  /** Released to a worker without an outcome, and not known to be assigned: possibly sent. */
  isOpen(row: number, round: number): boolean {
    return this.#isOpen(this.#placeOf(row, round));
  }

  /** Open registrations of all rounds. */
  get openCount(): number {
    return this.#states.reduce((count, _, place) => (this.#isOpen(place) ? count + 1 : count), 0);
  }

  /** Releases to workers that no outcome came from: each may have sent a register request that nobody counted. */
  get releasesWithoutOutcome(): number {
    return this.#states.reduce((count, _, place) => (this.#has(place, OPEN) ? count + 1 : count), this.#lostReleases);
  }

  /** Open registrations of one round. */
  openCountOf(round: number): number {
    let count = 0;
    for (let row = 0; row < this.#rows; row += 1) if (this.isOpen(row, round)) count += 1;
    return count;
  }

  progressOf(row: number, round: number): SettlementState {
    return this.isOpen(row, round) ? 'open' : (this.#resultAt(this.#placeOf(row, round)) ?? 'never-granted');
  }

  /** The service may have acted on a register request for this row. */
  wasPossiblySent(row: number, round: number): boolean {
    return this.#has(this.#placeOf(row, round), OPEN | LEFT_OPEN | ACCEPTED);
  }

  /** The service may have registered the row more often than its outcome says. */
  isPossiblyTwice(row: number, round: number): boolean {
    const place = this.#placeOf(row, round);
    return this.#has(place, TWICE) || (this.#has(place, OPEN | LEFT_OPEN) && this.#resultAt(place) === 'assigned');
  }

  /** Every registration has an outcome that counts. */
  get complete(): boolean {
    return this.#offsets.every((offset, place) => offset !== NO_OUTCOME && !this.#isOpen(place));
  }

  /** Some registration was never released to a worker, or was always handed back. */
  get hasNeverGranted(): boolean {
    return this.#states.some((_, place) => !this.#has(place, OPEN | LEFT_OPEN) && this.#resultAt(place) === null);
  }

  #isOpen(place: number): boolean {
    return this.#has(place, OPEN | LEFT_OPEN) && this.#resultAt(place) !== 'assigned';
  }

  #has(place: number, flags: number): boolean {
    return (this.#stateAt(place) & flags) !== 0;
  }

  #resultAt(place: number): Exclude<SettlementState, 'open' | 'never-granted'> | null {
    const result = REGISTRATION_RESULTS[(this.#stateAt(place) >> RESULT_SHIFT) - 1];
    return result === undefined || result === 'not-started' || result === 'unknown' ? null : result;
  }

  #stateAt(place: number): number {
    return this.#states[place] ?? 0;
  }

  #placeOf(row: number, round: number): number {
    if (row < this.rows && round >= 1 && round <= this.rounds) return row * this.rounds + round - 1;
    throw new JournalFormatError(
      `names row ${row} of round ${round}, but the run has ${this.rows} rows and ${this.rounds} rounds`,
    );
  }
}

/** An operation that the service itself ended without an assignment registered no device. */
function wasAccepted({ result, possiblyTwice, operationId, operationFailed }: OutcomeRecord): boolean {
  return possiblyTwice || result === 'assigned' || (operationId !== null && !operationFailed);
}

/** A session with the offset of its line: records up to the next session use its clock. */
export type PlacedSession = { readonly session: SessionRecord; readonly offset: number };

/** Folds a journal into its sessions and the settlement of each registration. */
export class SettlementFold {
  readonly sessions: PlacedSession[] = [];
  /** End of the last session; `null` = none: the run is still in progress, or was killed. */
  end: EndRecord | null = null;
  /** `null` before the first session. */
  index: SettlementIndex | null = null;
  /** Rows that the last session selected and its records do not name yet. */
  #unnamedRows = 0;
  #recordsSelection = true;

  add(record: JournalRecord, offset: number): void {
    if (record.kind === 'outcome') this.index?.addOutcome(record, offset);
    else if (record.kind === 'grant') this.index?.addGrant(record);
    else if (record.kind === 'session') this.#addSession(record, offset);
    else if (record.kind === 'selection') this.#addSelection(record);
    else if (record.kind === 'end') this.end = record;
  }

  /** Returns whether some session selected the row; `null` = not recorded, or not completely before a crash. */
  wasSelected(row: number): boolean | null {
    if (!this.#recordsSelection || this.#unnamedRows > 0) return null;
    return this.index?.isSelected(row) ?? null;
  }

  #addSelection({ rows }: SelectionRecord): void {
    for (const [first, last] of rows) {
      this.index?.select(first, last);
      this.#unnamedRows -= last - first + 1;
    }
  }

  #addSession(session: SessionRecord, offset: number): void {
    const before = this.sessions.at(-1)?.session ?? session;
    if (!continuesFleet(before, session)) {
      throw new JournalFormatError('belongs to a different fleet from the sessions before it');
    }
    this.index ??= new SettlementIndex(session.fleet.rows, session.rounds);
    if (session.fleet.rows > this.index.rows) this.index.growTo(session.fleet.rows);
    this.sessions.push({ session, offset });
    this.end = null;
    const { fleet, selectedRows } = session;
    if (selectedRows === null) this.#recordsSelection = false;
    const isPart = selectedRows !== null && selectedRows < fleet.rows;
    if (!isPart) this.index.select(0, fleet.rows - 1);
    this.#unnamedRows = isPart ? selectedRows : 0;
  }
}

/** Returns whether the fleet is the same, or has rows appended. */
function continuesFleet(before: SessionRecord, session: SessionRecord): boolean {
  const isSame = session.fleet.digest === before.fleet.digest && session.fleet.rows === before.fleet.rows;
  const isLonger = session.fleet.bytes > before.fleet.bytes && session.fleet.rows >= before.fleet.rows;
  return (isSame || isLonger) && session.rounds === before.rounds;
}
