import type { AgentRecord } from '../journal/agent-record.ts';
import { emptyJournal, readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, JournalRecord, SessionRecord } from '../journal/journal-record.ts';
import { type PlacedSession, SettlementFold, type SettlementIndex } from '../journal/settlement-index.ts';
import { AgentsFold } from '../metrics/agents-fold.ts';
import { LoadGeneratorHealth } from '../metrics/load-generator-health.ts';
import { withoutStalls } from '../metrics/outcome-times.ts';
import { RunTimeline } from '../metrics/run-timeline.ts';
import { RunTotals } from '../metrics/run-totals.ts';
import { SecondSeries } from '../metrics/second-series.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { reachedPlannedEnd } from '../report/summary.ts';
import { differentFleet } from './mergeable-runs.ts';

export type JournalSurvey = {
  /** At least one. */
  readonly sessions: readonly PlacedSession[];
  readonly first: SessionRecord;
  /** As the last session saw it. */
  readonly fleet: SessionRecord['fleet'];
  /** `null` = none: the run is still in progress, or was killed. */
  readonly end: EndRecord | null;
  readonly index: SettlementIndex;
  readonly totals: RunTotals;
  /** Without the delays that the load generator may have caused. */
  readonly totalsWithoutStalls: RunTotals;
  readonly health: LoadGeneratorHealth;
  readonly agents: AgentsFold;
  readonly timeline: RunTimeline;
  readonly seconds: SecondSeries;
  /** The sessions' clocks, and every move of a wall clock, in order. */
  readonly clocks: readonly PlacedClock[];
  /** The agents of each session. */
  readonly placedAgents: readonly PlacedAgents[];
  /** In the order in which they were read. */
  readonly journals: readonly PlacedJournal[];
  /** Returns whether some session selected the row; `null` = not recorded. */
  readonly wasSelected: (row: number) => boolean | null;
};

/** Records from `offset` up to the next use a clock whose 0 was at this time of the wall clock. */
export type PlacedClock = { readonly epochAtZeroMs: number; readonly offset: number };

/** Outcomes from `offset` up to the next use name these agents. */
export type PlacedAgents = { readonly records: ReadonlyMap<string, AgentRecord>; readonly offset: number };

/** One of several journals of a fleet that are read as one. */
export type PlacedJournal = {
  readonly file: string;
  /** Where it begins in the whole, in bytes. */
  readonly offset: number;
  /** End of its last session; `null` = none. */
  readonly end: EndRecord | null;
  /** The last line is incomplete. */
  readonly torn: boolean;
};

/**
 * The first of two readings: everything but the outcomes, of which only the last of each row counts. Offsets are as if the journals
 * were concatenated.
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
  const { settlement, ...folds } = fold;
  const { sessions, index } = settlement;
  const wasSelected = (row: number): boolean | null => settlement.wasSelected(row);
  const [first, last] = [sessions[0]?.session, sessions.at(-1)?.session];
  if (index === null || first === undefined || last === undefined) throw new Error('at least one journal is needed');
  const end = endOf(journals, index.hasNeverGranted);
  return { sessions, first, fleet: last.fleet, end, index, ...folds, journals, wasSelected };
}

/** The end of the last run; if registrations were never released, of the last run that stopped early: they belong to it. */
function endOf(journals: readonly PlacedJournal[], hasNeverGranted: boolean): EndRecord | null {
  const cut = hasNeverGranted ? journals.findLast(({ end }) => !reachedPlannedEnd(end)) : undefined;
  return (cut ?? journals.at(-1))?.end ?? null;
}

/** Resuming a run with a longer fleet checks that the fleet begins the same; nothing checks that for two separate runs. */
function refuseOtherFleet(file: string, record: JournalRecord, before: SessionRecord): void {
  if (record.kind !== 'session' || record.fleet.digest === before.fleet.digest) return;
  throw new OperatorError('usage', [differentFleet(file, record, before)]);
}

class JournalFold {
  readonly settlement = new SettlementFold();
  readonly totals = new RunTotals();
  readonly totalsWithoutStalls = new RunTotals();
  readonly health = new LoadGeneratorHealth();
  readonly agents = new AgentsFold();
  readonly timeline = new RunTimeline();
  readonly seconds = new SecondSeries();
  readonly clocks: PlacedClock[] = [];
  readonly placedAgents: { readonly records: Map<string, AgentRecord>; readonly offset: number }[] = [];

  add(record: JournalRecord, offset: number): void {
    this.settlement.add(record, offset);
    switch (record.kind) {
      case 'session':
        this.clocks.push({ epochAtZeroMs: record.startedAtEpochMs, offset });
        this.placedAgents.push({ records: new Map(), offset });
        this.#introduce(record.agents);
        this.totals.beginSession();
        this.totalsWithoutStalls.beginSession();
        this.health.beginSession();
        this.seconds.beginStretch();
        break;
      case 'outcome':
        this.totals.add(record);
        this.totalsWithoutStalls.add(withoutStalls(record));
        this.health.addOutcome(record, this.#clockOffsetMs);
        this.agents.addOutcome(record, this.#clockOffsetMs);
        this.timeline.add(record, this.#clockOffsetMs);
        this.seconds.add(record, this.#clockOffsetMs);
        break;
      case 'sample':
        if (record.epochAtZeroMs !== null) {
          this.clocks.push({ epochAtZeroMs: record.epochAtZeroMs, offset });
          this.seconds.beginStretch();
        }
        this.health.add(record, this.#clockOffsetMs);
        this.#introduce(record.joinedAgents);
        this.agents.add(record, this.#clockOffsetMs);
        this.timeline.addSample(record, this.#clockOffsetMs);
        this.seconds.addSample(record, this.#clockOffsetMs);
        break;
      case 'selection':
      case 'grant':
      case 'end':
        break;
    }
  }

  #introduce(agents: readonly AgentRecord[]): void {
    this.agents.introduce(agents);
    for (const agent of agents) this.placedAgents.at(-1)?.records.set(agent.name, agent);
  }

  /** How far 0 of the current clock is after 0 of the first session's. */
  get #clockOffsetMs(): number {
    return (this.clocks.at(-1)?.epochAtZeroMs ?? 0) - (this.clocks[0]?.epochAtZeroMs ?? 0);
  }
}
