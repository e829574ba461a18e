import { emptyJournal, readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, JournalRecord, SessionRecord } from '../journal/journal-record.ts';
import { type PlacedSession, SettlementFold } from '../journal/settlement-fold.ts';
import type { SettlementIndex } from '../journal/settlement-index.ts';
import { LoadGeneratorHealth } from '../metrics/load-generator-health.ts';
import { RunTimeline } from '../metrics/run-timeline.ts';
import { RunTotals } from '../metrics/run-totals.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { isWhole } from '../report/summary.ts';
import { otherFleet } from './runs-of-one-fleet.ts';

export type JournalSurvey = {
  /** At least one. */
  readonly sessions: readonly PlacedSession[];
  /** `null` = it has none: the run is going on, or was killed. */
  readonly end: EndRecord | null;
  readonly index: SettlementIndex;
  readonly totals: RunTotals;
  readonly health: LoadGeneratorHealth;
  readonly timeline: RunTimeline;
  /** In their order: the sessions' clocks, and where a wall clock moved. */
  readonly clocks: readonly PlacedClock[];
  /** What was read, in its order. */
  readonly journals: readonly PlacedJournal[];
};

/** What stands behind `offset`, up to the next, is of a clock whose 0 was at this moment of the wall clock. */
export type PlacedClock = { readonly epochAtZeroMs: number; readonly offset: number };

/** One of several journals of one fleet that are read as one: `offset` is where it begins in the whole. */
export type PlacedJournal = {
  readonly file: string;
  readonly offset: number;
  /** Of its last session; `null` = it has none. */
  readonly end: EndRecord | null;
  /** The last line is not whole. */
  readonly torn: boolean;
};

/**
 * The first of two readings: everything but the outcomes themselves, of which only the last of each row counts.
 * Offsets are those of the whole, as if each journal stood behind the one before.
 *
 * @param files in the order in which the runs began
 */
export async function surveyJournals(files: readonly string[]): Promise<JournalSurvey> {
  const fold = new JournalFold();
  const journals: PlacedJournal[] = [];
  let offset = 0;
  for (const file of files) {
    const start = offset;
    const before = fold.settlement.sessions.at(-1)?.session ?? null;
    const { bytes, torn } = await readJournal(file, (record, place) => {
      if (place === 0 && before !== null) refuseOtherFleet(file, record, before);
      fold.add(record, start + place);
    });
    if (bytes === 0) throw emptyJournal(file);
    journals.push({ file, offset: start, end: fold.settlement.end, torn });
    offset += bytes;
  }
  const { sessions, index } = fold.settlement;
  if (index === null) throw new Error('there is at least one journal');
  const { totals, health, timeline, clocks } = fold;
  const end = endOf(journals, index.hasNeverGranted);
  return { sessions, end, index, totals, health, timeline, clocks, journals };
}

/** Of the last run; while registrations are left, of the last that did not do all it was to do: they are its. */
function endOf(journals: readonly PlacedJournal[], areLeft: boolean): EndRecord | null {
  const cut = areLeft ? journals.findLast(({ end }) => !isWhole(end)) : undefined;
  return (cut ?? journals.at(-1))?.end ?? null;
}

/** Of one run a longer fleet was looked at when it was resumed; of two runs nobody knows how it begins. */
function refuseOtherFleet(file: string, record: JournalRecord, before: SessionRecord): void {
  if (record.kind !== 'session' || record.fleet.digest === before.fleet.digest) return;
  throw new OperatorError('usage', [otherFleet(file, record, before)]);
}

class JournalFold {
  readonly settlement = new SettlementFold();
  readonly totals = new RunTotals();
  readonly health = new LoadGeneratorHealth();
  readonly timeline = new RunTimeline();
  readonly clocks: PlacedClock[] = [];

  add(record: JournalRecord, offset: number): void {
    this.settlement.add(record, offset);
    const { sessions } = this.settlement;
    switch (record.kind) {
      case 'session':
        this.clocks.push({ epochAtZeroMs: record.startedAtEpochMs, offset });
        this.totals.beginSession();
        break;
      case 'outcome':
        this.totals.add(record);
        this.timeline.add(record, this.#clockOffsetMs);
        break;
      case 'sample':
        if (record.epochAtZeroMs !== null) this.clocks.push({ epochAtZeroMs: record.epochAtZeroMs, offset });
        this.health.add(record, sessions.at(-1)?.session.workers ?? 1);
        this.timeline.addSample(record, this.#clockOffsetMs);
        break;
      case 'grant':
      case 'end':
        break;
    }
  }

  /** What the clock is behind that of the first session. */
  get #clockOffsetMs(): number {
    return (this.clocks.at(-1)?.epochAtZeroMs ?? 0) - (this.clocks[0]?.epochAtZeroMs ?? 0);
  }
}
