import { JournalFormatError } from '../journal/journal-codec.ts';
import { readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, JournalRecord, SessionRecord } from '../journal/journal-record.ts';
import { SettlementIndex } from '../journal/settlement-index.ts';
import { LoadGeneratorHealth } from '../metrics/load-generator-health.ts';
import { RecoveryCurve } from '../metrics/recovery-curve.ts';
import { RunTimeline } from '../metrics/run-timeline.ts';
import { RunTotals } from '../metrics/run-totals.ts';
import { OperatorError } from '../problem/operator-error.ts';

/** A session with the offset of its line: what stands behind it, up to the next, is of its clock. */
export type PlacedSession = { readonly session: SessionRecord; readonly offset: number };

export type JournalSurvey = {
  /** At least one. */
  readonly sessions: readonly PlacedSession[];
  /** Of the last session; `null` = it has none: the run is going on, or was killed. */
  readonly end: EndRecord | null;
  readonly index: SettlementIndex;
  readonly totals: RunTotals;
  readonly health: LoadGeneratorHealth;
  readonly timeline: RunTimeline;
  readonly recovery: RecoveryCurve;
  /** The last line is not whole. */
  readonly torn: boolean;
};

/** The first of two readings: everything but the outcomes themselves, of which only the last of each row counts. */
export async function surveyJournal(file: string): Promise<JournalSurvey> {
  const fold = new JournalFold();
  const { torn } = await readJournal(file, (record, offset) => fold.add(record, offset));
  if (fold.index === null) {
    throw new OperatorError('local', [
      { file, line: null, column: null, message: 'the journal is empty: the run ended before it began', remedy: null },
    ]);
  }
  const { sessions, end, index, totals, health, timeline, recovery } = fold;
  return { sessions, end, index, totals, health, timeline, recovery, torn };
}

class JournalFold {
  readonly sessions: PlacedSession[] = [];
  readonly totals = new RunTotals();
  readonly health = new LoadGeneratorHealth();
  readonly timeline = new RunTimeline();
  readonly recovery = new RecoveryCurve();
  /** What the clock of the session is behind that of the first one. */
  #clockOffsetMs = 0;
  end: EndRecord | null = null;
  index: SettlementIndex | null = null;

  add(record: JournalRecord, offset: number): void {
    if (record.kind === 'session') this.#addSession(record, offset);
    // The reader refuses a journal that does not begin with a session.
    else if (this.index !== null) this.#addToSession(record, offset, this.index);
  }

  #addSession(session: SessionRecord, offset: number): void {
    const { rows, digest } = session.fleet;
    const first = this.sessions[0]?.session ?? session;
    if (first.fleet.digest !== digest || first.fleet.rows !== rows || first.rounds !== session.rounds) {
      throw new JournalFormatError('is of another fleet than the sessions before it');
    }
    this.index ??= new SettlementIndex(rows, session.rounds);
    this.sessions.push({ session, offset });
    this.#clockOffsetMs = session.startedAtEpochMs - first.startedAtEpochMs;
    this.totals.beginSession();
    this.end = null;
  }

  #addToSession(record: Exclude<JournalRecord, SessionRecord>, offset: number, index: SettlementIndex): void {
    switch (record.kind) {
      case 'grant':
        index.addGrant(record);
        break;
      case 'outcome':
        index.addOutcome(record, offset);
        this.totals.add(record);
        this.timeline.add(record, this.#clockOffsetMs);
        this.recovery.add(record, this.#clockOffsetMs);
        break;
      case 'sample':
        this.health.add(record, this.sessions.at(-1)?.session.workers ?? 1);
        this.timeline.addSample(record, this.#clockOffsetMs);
        break;
      case 'end':
        this.end = record;
        break;
    }
  }
}
