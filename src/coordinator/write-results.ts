import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import { JournalLines } from '../journal/journal-lines.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { AllocationCounts } from '../metrics/allocation/allocation-counts.ts';
import { DeviceHistory, type DeviceStep } from '../metrics/allocation/device-history.ts';
import { HubTimeline } from '../metrics/allocation/hub-timeline.ts';
import { MovementCounts } from '../metrics/allocation/movement-counts.ts';
import { HubDistribution } from '../metrics/hub-distribution.ts';
import { HubExpectation } from '../metrics/hub-expectation.ts';
import { LatencyHistograms } from '../metrics/latency-histograms.ts';
import { OutcomeCounts } from '../metrics/outcome-counts.ts';
import { RecoveryCurve } from '../metrics/recovery-curve.ts';
import { OperatorError } from '../problem/operator-error.ts';
import { reportHtml } from '../report/report-html.ts';
import { type RunFacts, type Summary, summarize } from '../report/summary.ts';
import type { FleetFile } from '../scenario/scenario.ts';
import { type FinalOutcome, finalOutcomes } from './final-outcomes.ts';
import { pageAssets } from './page-assets.ts';
import { ResultFiles } from './result-files.ts';
import { JOURNAL_FILE } from './run-folder.ts';
import { type JournalSurvey, surveyJournal } from './survey-journal.ts';

export type ResultOptions = {
  /** Where rows without an outcome have their registration IDs from; `null` = not known. */
  readonly fleet: FleetFile | null;
};

export type Results = {
  readonly summary: Summary;
  /** The text of report.html. */
  reportHtml(): string;
};

/** `makeResults`, for those who want to know no more than the summary. */
export async function writeResults(folder: string, options: ResultOptions): Promise<Summary> {
  return (await makeResults(folder, options)).summary;
}

/**
 * Makes registrations.csv, failures.csv, summary.json, latency.hlog and report.html of the journal in `folder`, all or none; the same
 * journal and fleet give the same bytes. While the journal has no end (the run is going on, or was killed) nothing is
 * written, and the summary's verdict is `unfinished`.
 *
 * Reads the journal twice: once for everything but the outcomes, of which a later one replaces an earlier one of the same
 * row, and once for the outcomes that count, in the order of the fleet. Memory: 9 bytes a row and round, outside the heap.
 *
 * @throws OperatorError `usage` when there is no journal, `local` when it is damaged or the disk fails
 */
export async function makeResults(folder: string, { fleet }: ResultOptions): Promise<Results> {
  const journalFile = join(folder, JOURNAL_FILE);
  const survey = await surveyJournal(journalFile);
  const files = survey.end === null ? null : new ResultFiles(folder, firstSession(survey));
  try {
    const fleetRows = files === null || survey.index.complete ? null : await rowsOf(survey, fleet);
    const folds = new FinalFolds(firstSession(survey));
    const { startedAtEpochMs } = firstSession(survey);
    await files?.begin();
    await readFinalOutcomes(journalFile, survey, fleetRows, async (final) => {
      const step = folds.add(final);
      await files?.add(final, step);
    });
    const unnamed = files !== null && !survey.index.complete && fleetRows === null;
    const summary = summarize({ ...factsOf(survey, folds), warnings: warningsOf(survey, unnamed) });
    const results = { summary, reportHtml: () => reportHtml({ ...survey, ...folds, summary }, pageAssets()) };
    await files?.publish(results, folds.latency, startedAtEpochMs);
    return results;
  } catch (error) {
    await files?.discard();
    throw asOperatorError(folder, error);
  }
}

/** What is folded from the outcomes that count. */
class FinalFolds {
  readonly counts = new OutcomeCounts();
  readonly latency = new LatencyHistograms();
  readonly recovery = new RecoveryCurve();
  readonly hubs = new HubDistribution();
  readonly hubExpectation = new HubExpectation();
  readonly allocationCounts: AllocationCounts;
  readonly movementCounts = new MovementCounts();
  readonly hubTimeline = new HubTimeline();
  possiblyTwice = 0;
  readonly #history: DeviceHistory;
  readonly #first: SessionRecord;

  /** @param first session of the run */
  constructor(first: SessionRecord) {
    this.#first = first;
    this.#history = new DeviceHistory(first.startedAtEpochMs);
    this.allocationCounts = new AllocationCounts(first.allocation?.by ?? 'fleet');
  }

  /** @returns the registration beside what its device had before */
  add({ outcome, clockEpochMs }: FinalOutcome): DeviceStep {
    const clockOffsetMs = clockEpochMs - this.#first.startedAtEpochMs;
    const step = this.#history.step(outcome);
    this.counts.add(outcome);
    this.latency.add(outcome);
    this.recovery.add(outcome, clockOffsetMs);
    this.hubs.add(outcome);
    this.hubExpectation.add(outcome);
    this.allocationCounts.add(step, this.#first.region);
    this.movementCounts.add(step);
    this.hubTimeline.add(outcome, clockOffsetMs);
    if (outcome.possiblyTwice) this.possiblyTwice += 1;
    return step;
  }
}

function factsOf(survey: JournalSurvey, folds: FinalFolds): Omit<RunFacts, 'warnings'> {
  const { counts, latency, recovery, hubs, allocationCounts, movementCounts, hubTimeline, possiblyTwice } = folds;
  const { end, totals, health } = survey;
  return {
    sessions: survey.sessions.map(({ session }) => session),
    end,
    counts,
    possiblyTwice,
    latency,
    recovery,
    hubs,
    allocationCounts,
    movementCounts,
    hubTimeline,
    totals,
    health,
  };
}

async function readFinalOutcomes(
  journalFile: string,
  survey: JournalSurvey,
  fleetRows: (() => AsyncIterable<FleetRow>) | null,
  visit: (final: FinalOutcome) => Promise<void>,
): Promise<void> {
  const lines = await JournalLines.open(journalFile);
  try {
    for await (const final of finalOutcomes(survey, lines, fleetRows)) await visit(final);
  } finally {
    await lines.close();
  }
}

/** The rows of the fleet, or `null` when its file is not there or not as it was. */
async function rowsOf(survey: JournalSurvey, fleet: FleetFile | null): Promise<(() => AsyncIterable<FleetRow>) | null> {
  const surveyed = fleetOf(survey);
  if (fleet === null || (await digestOf(fleet.file, surveyed.bytes)) !== surveyed.digest) return null;
  return () => readFleet(fleet, surveyed);
}

/** SHA-256 of its first bytes, hexadecimal; `null` when the file cannot be read. */
async function digestOf(file: string, bytes: number): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file, { end: bytes - 1 }), hash);
  } catch {
    return null;
  }
  return hash.digest('hex');
}

function warningsOf(survey: JournalSurvey, unnamed: boolean): readonly string[] {
  const { file } = fleetOf(survey);
  return [
    ...(survey.torn ? ['the last line of the journal is not whole and was left out'] : []),
    ...(unnamed
      ? [`rows without an outcome have no registration ID in registrations.csv: ${file} is not there or was changed`]
      : []),
  ];
}

function firstSession({ sessions }: JournalSurvey): RunFacts['sessions'][number] {
  const [first] = sessions;
  if (first === undefined) throw new Error('a journal begins with a session');
  return first.session;
}

/** As the last session knew it. */
function fleetOf({ sessions }: JournalSurvey): SessionRecord['fleet'] {
  const last = sessions.at(-1);
  if (last === undefined) throw new Error('a journal begins with a session');
  return last.session.fleet;
}

function asOperatorError(folder: string, error: unknown): unknown {
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof OperatorError || syscall === undefined) return error;
  return new OperatorError('local', [
    {
      file: folder,
      line: null,
      column: null,
      message: `the results cannot be written (${message}); the journal is whole`,
      remedy: 'Make room on the disk or put it right, then make them with dpsload report',
    },
  ]);
}
