import { readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, JournalRecord } from '../journal/journal-record.ts';
import { type PlacedSession, SettlementFold } from '../journal/settlement-fold.ts';
import type { SettlementIndex } from '../journal/settlement-index.ts';
import { LoadGeneratorHealth } from '../metrics/load-generator-health.ts';
import { RecoveryCurve } from '../metrics/recovery-curve.ts';
import { RunTimeline } from '../metrics/run-timeline.ts';
import { RunTotals } from '../metrics/run-totals.ts';
import { OperatorError } from '../problem/operator-error.ts';

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
  const { sessions, end, index } = fold.settlement;
  if (index === null) {
    throw new OperatorError('local', [
      { file, line: null, column: null, message: 'the journal is empty: the run ended before it began', remedy: null },
    ]);
  }
  const { totals, health, timeline, recovery } = fold;
  return { sessions, end, index, totals, health, timeline, recovery, torn };
}

class JournalFold {
  readonly settlement = new SettlementFold();
  readonly totals = new RunTotals();
  readonly health = new LoadGeneratorHealth();
  readonly timeline = new RunTimeline();
  readonly recovery = new RecoveryCurve();
  /** What the clock of the session is behind that of the first one. */
  #clockOffsetMs = 0;

  add(record: JournalRecord, offset: number): void {
    this.settlement.add(record, offset);
    const { sessions } = this.settlement;
    switch (record.kind) {
      case 'session':
        this.#clockOffsetMs = record.startedAtEpochMs - (sessions[0] ?? { session: record }).session.startedAtEpochMs;
        this.totals.beginSession();
        break;
      case 'outcome':
        this.totals.add(record);
        this.timeline.add(record, this.#clockOffsetMs);
        this.recovery.add(record, this.#clockOffsetMs);
        break;
      case 'sample':
        this.health.add(record, sessions.at(-1)?.session.workers ?? 1);
        this.timeline.addSample(record, this.#clockOffsetMs);
        break;
      case 'grant':
      case 'end':
        break;
    }
  }
}
