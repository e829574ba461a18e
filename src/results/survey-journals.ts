import { join } from 'node:path';
import { emptyJournal, readFirstSession, readJournal } from '../journal/journal-reader.ts';
import type { EndRecord, JournalRecord, SessionRecord } from '../journal/journal-record.ts';
import { type PlacedSession, SettlementFold, type SettlementIndex } from '../journal/settlement-index.ts';
import { targetKey, targetLabel } from '../journal/target-name.ts';
import { LoadGeneratorHealth } from '../metrics/load-generator-health.ts';
import { RunTimeline } from '../metrics/run-timeline.ts';
import { RunTotals } from '../metrics/run-totals.ts';
import { OperatorError, type Problem, problemIn } from '../problem/operator-error.ts';
import { reachedPlannedEnd } from '../report/summary.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';

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
  const cut = areLeft ? journals.findLast(({ end }) => !reachedPlannedEnd(end)) : undefined;
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

export type RunsOfOneFleet = {
  /** In the order in which the runs began, however they were named. */
  readonly folders: readonly string[];
  /** What the reader of their common results should know. */
  readonly warnings: readonly string[];
};

type Run = { readonly folder: string; readonly session: SessionRecord };

/**
 * Runs whose outcomes can stand in one set of results: each row means the same device, and each outcome the same service.
 *
 * @param folders at least one
 * @throws OperatorError `usage` with everything that keeps them apart.
 */
export async function runsOfOneFleet(folders: readonly string[]): Promise<RunsOfOneFleet> {
  const runs = await Promise.all(
    folders.map(async (folder) => ({ folder, session: await readFirstSession(join(folder, JOURNAL_FILE)) })),
  );
  runs.sort((a, b) => a.session.startedAtEpochMs - b.session.startedAtEpochMs);
  const [first, ...others] = runs;
  if (first === undefined) throw new Error('there is at least one run');
  const problems = others.flatMap((run, place) => problemsOf(run, first, runs[place] ?? first));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { folders: runs.map(({ folder }) => folder), warnings: others.flatMap((run) => warningsOf(run, first)) };
}

/** @param before the run that began before this one */
function problemsOf({ folder, session }: Run, first: Run, before: Run): readonly Problem[] {
  const problem = (message: string, remedy: string): Problem => problemIn(folder, message, remedy);
  const { fleet, target, rounds } = first.session;
  if (session.startedAtEpochMs === before.session.startedAtEpochMs) {
    return [problem(`is the same run as ${before.folder}`, 'Name every run once')];
  }
  const found: Problem[] = [];
  if (session.fleet.digest !== fleet.digest) {
    // The first run may have been resumed with the longer fleet that this one began with: its journal will tell.
    if (session.fleet.bytes <= fleet.bytes) found.push(otherFleet(folder, session, first.session));
  } else if (session.fleet.rows !== fleet.rows || !sameTexts(session.fleet.otherColumns, fleet.otherColumns)) {
    found.push(
      problem(
        `reads the rows or columns of the fleet in another way than ${first.folder}`,
        'Give every run the same --map, --on-bad-row and --attestation',
      ),
    );
  }
  if (targetKey(session.target) !== targetKey(target)) {
    found.push(
      problem(
        `is of another target than ${first.folder}: ${targetLabel(session.target)} instead of ${targetLabel(target)}`,
        'A device that failed at one service is not made good at another: report the runs apart',
      ),
    );
  }
  if (session.rounds !== rounds) {
    found.push(
      problem(`has ${session.rounds} rounds, and ${first.folder} has ${rounds}`, 'Merge runs with equal --rounds'),
    );
  }
  return found;
}

export function otherFleet(file: string, session: SessionRecord, before: SessionRecord): Problem {
  return problemIn(
    file,
    `is of another fleet than the run before it: SHA-256 ${session.fleet.digest} instead of ${before.fleet.digest}`,
    'Merge runs of one fleet file; take a part of it with --only, not with a file of its own',
  );
}

function warningsOf({ folder, session }: Run, first: Run): readonly string[] {
  const differing: readonly (readonly [what: string, value: string, firstValue: string])[] = [
    ['dpsload version', session.dpsloadVersion, first.session.dpsloadVersion],
    ['API version', session.apiVersion, first.session.apiVersion],
    ['attestation', session.attestation, first.session.attestation],
  ];
  return differing
    .filter(([, value, firstValue]) => value !== firstValue)
    .map(([what, value, firstValue]) => `${folder} is of ${what} ${value}, ${first.folder} of ${firstValue}`);
}

function sameTexts(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, place) => text === others[place]);
}
