import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AllocationCounts } from '../allocation/allocation-counts.ts';
import { HubExpectation } from '../allocation/hub-expectation.ts';
import { DeviceHistory, type DeviceStep, MovementCounts } from '../allocation/movement.ts';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { HubDistribution } from '../metrics/hub-distribution.ts';
import { HubTimeline } from '../metrics/hub-timeline.ts';
import { LatencyHistograms } from '../metrics/latency-histograms.ts';
import { OutcomeCounts } from '../metrics/outcome-counts.ts';
import { RecoveryCurve } from '../metrics/recovery-curve.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { reportHtml } from '../report/page/report-page.ts';
import { type RunFacts, type Summary, summarize } from '../report/summary.ts';
import { REJECTED_ROWS_FILE, readRejectedLines } from '../run-folder/rejected-rows.ts';
import { fleetOfRun } from '../run-folder/run-file.ts';
import { ensureOutFolder, JOURNAL_FILE, RUN_FOLDER_MODE } from '../run-folder/run-folder.ts';
import { lockRunFolder } from '../run-folder/run-lock.ts';
import type { FleetFile } from '../scenario/scenario.ts';
import { type FinalOutcome, finalOutcomes, JoinedLines } from './final-outcomes.ts';
import { pageAssets } from './page-assets.ts';
import { ResultFiles, type Results } from './result-files.ts';
import { type JournalSurvey, type PlacedJournal, runsOfOneFleet, surveyJournals } from './survey-journals.ts';

export type ResultOptions = {
  /** Where rows without an outcome have their registration IDs from; `null` = not known. */
  readonly fleet: FleetFile | null;
};

/** Runs whose journals are read as one. */
type ResultSource = {
  /** In the order in which the runs began. */
  readonly folders: readonly string[];
  /** Where the files go; `null` = none are written. */
  readonly out: string | null;
  readonly fleets: readonly FleetFile[];
  readonly warnings: readonly string[];
};

/** `makeResults`, for those who want to know no more than the summary. */
export async function writeResults(folder: string, options: ResultOptions): Promise<Summary> {
  return (await makeResults(folder, options)).summary;
}

/**
 * Makes registrations.csv, failures.csv, summary.json, latency.hlog and report.html of the journal in `folder`, which is locked, all or
 * none; the same journal and fleet give the same bytes. While the journal has no end (the run is going on, or was killed) nothing is
 * written, and the summary's verdict is `unfinished`.
 *
 * Reads the journal twice: once for everything but the outcomes, of which a later one replaces an earlier one of the same
 * row, and once for the outcomes that count, in the order of the fleet. Memory: 9 bytes a row and round, outside the heap.
 *
 * @throws OperatorError `usage` when there is no journal, `local` when it is damaged or the disk fails
 */
export async function makeResults(folder: string, { fleet }: ResultOptions): Promise<Results> {
  return await resultsOf({ folders: [folder], out: folder, fleets: fleet === null ? [] : [fleet], warnings: [] });
}

/**
 * As `makeResults`, and writes nothing: for the folder of a run that is another's at the moment, or cannot be written.
 *
 * @throws OperatorError as `makeResults`
 */
export async function readResults(folder: string): Promise<Results> {
  return await resultsOf({ folders: [folder], out: null, fleets: [], warnings: [] });
}

/**
 * Makes one final set of files of one run, or of several of one fleet, in a folder that is none of theirs. Of each
 * registration the last outcome counts, in the order in which the runs began.
 *
 * @throws OperatorError as `makeResults`, `usage` when the runs cannot be merged, or `out` cannot hold the files, and `local` when another
 * process works there
 */
export async function mergeResults(folders: readonly string[], out: string): Promise<Results> {
  const { folders: ordered, warnings } = await runsOfOneFleet(folders);
  if (existsSync(join(out, JOURNAL_FILE))) throw runFolderAsOut(out);
  ensureOutFolder(out, RUN_FOLDER_MODE);
  const unlock = lockRunFolder(out);
  try {
    const fleets = ordered.flatMap((folder) => fleetOfRun(folder) ?? []);
    return await resultsOf({ folders: ordered, out, fleets, warnings });
  } finally {
    unlock();
  }
}

async function resultsOf({ folders, out, fleets, warnings }: ResultSource): Promise<Results> {
  const survey = await surveyJournals(folders.map((folder) => join(folder, JOURNAL_FILE)));
  const rejectedRowsFile = fleetOf(survey).rejectedRows === 0 ? null : rejectedRowsFileIn(folders);
  const files =
    survey.end === null || out === null ? null : new ResultFiles(out, firstSession(survey), rejectedRowsFile);
  try {
    const isNeeded = files !== null && !survey.index.complete;
    const { rows, lacking } = isNeeded ? await rowsOf(survey, { folders, fleets }, rejectedRowsFile) : NO_ROWS_NEEDED;
    const folds = new FinalFolds(firstSession(survey));
    await files?.begin();
    await readFinalOutcomes(survey, rows, async (final) => {
      const step = folds.add(final);
      await files?.add(final, step);
    });
    const summary = summarize({
      ...factsOf(survey, folds),
      files: (await files?.finishData(folds.latency, survey.totals.values().activeMs)) ?? null,
      mergedRuns: folders.length === 1 ? null : folders.map((folder) => basename(folder)),
      warnings: [...warnings, ...warningsOf(survey, lacking)],
    });
    const results = { summary, reportHtml: () => reportHtml({ ...survey, ...folds, summary }, pageAssets()) };
    await files?.publish(results);
    return results;
  } catch (error) {
    await files?.discard();
    throw out === null ? error : asOperatorError(out, error);
  }
}

/** What is folded from the outcomes that count. */
class FinalFolds {
  readonly counts = new OutcomeCounts();
  readonly latency = new LatencyHistograms();
  readonly recovery = new RecoveryCurve();
  readonly hubs = new HubDistribution();
  readonly hubExpectation: HubExpectation;
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
    this.hubExpectation = new HubExpectation(first.allocation);
    this.allocationCounts = new AllocationCounts(first.allocation?.by ?? 'fleet');
  }

  /** @returns the registration beside what its device had before */
  add({ outcome, clockEpochMs, region }: FinalOutcome): DeviceStep {
    const clockOffsetMs = clockEpochMs - this.#first.startedAtEpochMs;
    const step = this.#history.step(outcome);
    this.counts.add(outcome);
    this.latency.add(outcome);
    this.recovery.add(outcome, clockOffsetMs);
    this.hubs.add(outcome);
    this.hubExpectation.add(outcome);
    this.allocationCounts.add(step, region);
    this.movementCounts.add(step);
    this.hubTimeline.add(outcome, clockOffsetMs);
    if (outcome.possiblyTwice) this.possiblyTwice += 1;
    return step;
  }
}

function factsOf(survey: JournalSurvey, folds: FinalFolds): Omit<RunFacts, 'warnings' | 'mergedRuns' | 'files'> {
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
  survey: JournalSurvey,
  fleetRows: (() => AsyncIterable<FleetRow>) | null,
  visit: (final: FinalOutcome) => Promise<void>,
): Promise<void> {
  const lines = await JoinedLines.open(survey.journals);
  try {
    for await (const final of finalOutcomes(survey, lines, fleetRows)) await visit(final);
  } finally {
    await lines.close();
  }
}

/** What names the registrations that have no outcome. */
type FleetRows = {
  /** `null` = not known, or not needed. */
  readonly rows: (() => AsyncIterable<FleetRow>) | null;
  /** The file without which they are not known: it is not there, or was changed. */
  readonly lacking: string | null;
};

const NO_ROWS_NEEDED: FleetRows = { rows: null, lacking: null };

/** The rows of the first file that is the fleet. */
async function rowsOf(
  survey: JournalSurvey,
  { folders, fleets }: Pick<ResultSource, 'folders' | 'fleets'>,
  rejectedRowsFile: string | null,
): Promise<FleetRows> {
  const surveyed = fleetOf(survey);
  const rejectedLines = rejectedRowsFile === null ? null : await readRejectedLines(rejectedRowsFile).catch(() => null);
  if ((rejectedLines?.count ?? 0) !== surveyed.rejectedRows) {
    return { rows: null, lacking: rejectedRowsFile ?? join(folders[0] ?? '', REJECTED_ROWS_FILE) };
  }
  for (const fleet of fleets) {
    if ((await digestOf(fleet.file, surveyed.bytes)) === surveyed.digest) {
      return { rows: () => readFleet(fleet, { ...surveyed, rejectedLines }), lacking: null };
    }
  }
  return { rows: null, lacking: surveyed.file };
}

/** That of the first run that still has it. */
function rejectedRowsFileIn(folders: readonly string[]): string | null {
  return folders.map((folder) => join(folder, REJECTED_ROWS_FILE)).find((file) => existsSync(file)) ?? null;
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

/** @param lacking the file without which rows have no name; `null` = none is lacking */
function warningsOf({ journals }: JournalSurvey, lacking: string | null): readonly string[] {
  return [
    ...journals.flatMap((journal) => journalWarnings(journal, journals.length > 1)),
    ...(lacking === null
      ? []
      : [
          `rows without an outcome have no registration ID in registrations.csv: ${lacking} is not there or was changed`,
        ]),
  ];
}

/** @param named it is one of several */
function journalWarnings({ file, torn, end }: PlacedJournal, named: boolean): readonly string[] {
  const journal = named ? `the journal in ${dirname(file)}` : 'the journal';
  return [
    ...(torn ? [`the last line of ${journal} is not whole and was left out`] : []),
    ...(named && end === null ? [`${journal} has no end: its run is going on, or was killed`] : []),
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

function runFolderAsOut(out: string): OperatorError {
  const message = 'is the folder of a run, which keeps the results of that run alone';
  return new OperatorError('usage', [problemIn(out, message, 'Name another folder with --out DIR')]);
}

/** Codes of a folder in which nothing may be written, however much room there is. */
const CLOSED_FOLDER_CODES = ['EACCES', 'EPERM', 'EROFS'];

function asOperatorError(folder: string, error: unknown): unknown {
  const { code = '', syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof OperatorError || syscall === undefined) return error;
  return new OperatorError('local', [
    {
      file: folder,
      line: null,
      column: null,
      message: `the results cannot be written (${message}); the journal is whole`,
      remedy: CLOSED_FOLDER_CODES.includes(code)
        ? 'Have them written elsewhere by dpsload report with --out DIR, or make the folder writable'
        : 'Make room on the disk or put it right, then make them with dpsload report',
    },
  ]);
}
