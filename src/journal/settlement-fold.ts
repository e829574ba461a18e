import { JournalFormatError } from './journal-codec.ts';
import type { EndRecord, JournalRecord, SessionRecord } from './journal-record.ts';
import { SettlementIndex } from './settlement-index.ts';

/** A session with the offset of its line: what stands behind it, up to the next, is of its clock. */
export type PlacedSession = { readonly session: SessionRecord; readonly offset: number };

/** The sessions of a journal, and how far every registration came in them. */
export class SettlementFold {
  readonly sessions: PlacedSession[] = [];
  /** Of the last session; `null` = it has none: the run is going on, or was killed. */
  end: EndRecord | null = null;
  /** `null` before the first session. */
  index: SettlementIndex | null = null;

  add(record: JournalRecord, offset: number): void {
    switch (record.kind) {
      case 'session':
        this.#addSession(record, offset);
        break;
      case 'grant':
        this.index?.addGrant(record);
        break;
      case 'outcome':
        this.index?.addOutcome(record, offset);
        break;
      case 'end':
        this.end = record;
        break;
      case 'sample':
        break;
    }
  }

  #addSession(session: SessionRecord, offset: number): void {
    const before = this.sessions.at(-1)?.session ?? session;
    if (!goesOnWith(before, session)) {
      throw new JournalFormatError('is of another fleet than the sessions before it');
    }
    this.index ??= new SettlementIndex(session.fleet.rows, session.rounds);
    if (session.fleet.rows > this.index.rows) this.index.growTo(session.fleet.rows);
    this.sessions.push({ session, offset });
    this.end = null;
  }
}

/** The same fleet, or one with rows behind those. */
function goesOnWith(before: SessionRecord, session: SessionRecord): boolean {
  const isSame = session.fleet.digest === before.fleet.digest && session.fleet.rows === before.fleet.rows;
  const isLonger = session.fleet.bytes > before.fleet.bytes && session.fleet.rows >= before.fleet.rows;
  return (isSame || isLonger) && session.rounds === before.rounds;
}
