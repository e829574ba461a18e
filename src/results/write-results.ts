import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AllocationCounts } from '../allocation/allocation-counts.ts';
import { HubExpectation } from '../allocation/hub-expectation.ts';
import { DeviceHistory, MovementCounts } from '../allocation/movement.ts';
import { PermittedHubs } from '../allocation/wrong-hub.ts';
import type { FileDigest } from '../files/atomic-file.ts';
import { fileSha256 } from '../files/checksum-list.ts';
import type { CsvProgram } from '../files/csv-line.ts';
import type { FleetFile } from '../fleet/fleet-file.ts';
import type { FleetRow } from '../fleet/fleet-row.ts';
import { readFleet, readFleetLines } from '../fleet/read-fleet.ts';
import type { RejectedLines } from '../fleet/rejected-lines.ts';
import { resultColumns } from '../fleet/result-columns.ts';
import { type AgentLabels, NO_LABELS } from '../journal/agent-record.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { AgentResults } from '../metrics/agent-results.ts';
import { type BrokenDownRow, byColumn, type ColumnBreakdown } from '../metrics/column-breakdown.ts';
import { AccountFold, type DeviceStanding } from '../metrics/fleet-account.ts';
import { FleetBreakdown } from '../metrics/fleet-breakdown.ts';
import { HubDistribution } from '../metrics/hub-distribution.ts';
import { HubTimeline } from '../metrics/hub-timeline.ts';
import { MeasuredTimes } from '../metrics/measured-times.ts';
import { OutcomeCounts } from '../metrics/outcome-counts.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { reportHtml } from '../report/page/report-page.ts';
import { type RunFacts, reachedPlannedEnd, type Summary, summarize } from '../report/summary.ts';
import { WrongHubs } from '../report/wrong-hub.ts';
import { refuseChangedJournal } from '../run-folder/checksums.ts';
import { RemovedIds } from '../run-folder/cleanup-file.ts';
import { findRejectedLines, REJECTED_ROWS_FILE, readLeftOutRows } from '../run-folder/rejected-rows.ts';
import { fleetOfRun } from '../run-folder/run-file.ts';
import { ensureOutFolder, JOURNAL_FILE, RUN_FOLDER_MODE } from '../run-folder/run-folder.ts';
import { lockRunFolder } from '../run-folder/run-lock.ts';
import { readAuditFile } from './audit-file.ts';
import { type FinalOutcome, finalOutcomes } from './final-outcomes.ts';
import { FleetLines } from './fleet-lines.ts';
import { HubChecks } from './hub-checks.ts';
import { mergeableRuns } from './mergeable-runs.ts';
import { pageAssets } from './page-assets.ts';
import { type DeviceFacts, ResultFiles, type Results } from './result-files.ts';
import { type JournalSurvey, surveyJournals } from './survey-journals.ts';

export type ResultOptions = {
  /** Names rows without an outcome; `null` = not known. */
  readonly fleet: FleetFile | null;
  /** Columns by which to show results, as the operator names them; by default those that the last session names. */
  readonly by?: readonly string[] | null;
  /** For whom CSV files are written; by default as in the last session. */
  readonly csvFor?: CsvProgram | null;
};

/** Runs whose journals are read as one. */
type ResultSource = {
  /** Sorted by when the runs began. */
  readonly folders: readonly string[];
  /** Where the files go; `null` = none are written. */
  readonly out: string | null;
  readonly fleets: readonly FleetFile[];
  /** `null` = those that the last session names. */
  readonly by: readonly string[] | null;
  /** `null` = as in the last session. */
  readonly csvFor: CsvProgram | null;
  readonly warnings: readonly string[];
};

/** Like `makeResults`, but returns only the summary. */
export async function writeResults(folder: string, options: ResultOptions): Promise<Summary> {
  return (await makeResults(folder, options)).summary;
}

/**
 * Makes the files of `ResultFiles` and SHA256SUMS from the journal in `folder`, which must be locked: all of them or none. The
 * same journal and fleet give the same bytes. While the journal has no end (the run is in progress, or was killed) nothing is
 * written, and the summary's verdict is `unfinished`.
 *
 * Reads the journal twice: once for everything but the outcomes, since a later one replaces an earlier one of the same row, and
 * once for the outcomes that count, in the order of the fleet. Memory: 9 bytes a row and round
 * and 1 byte a row, outside the heap.
 *
 * @throws OperatorError `usage` without a journal, `local` when it is damaged or the disk fails
 */
export async function makeResults(
  folder: string,
  { fleet, by = null, csvFor = null }: ResultOptions,
): Promise<Results> {
  const fleets = fleet === null ? [] : [fleet];
  return await resultsOf({ folders: [folder], out: folder, fleets, by, csvFor, warnings: [] });
}

/**
 * Like `makeResults`, but writes nothing: for the folder of a run that another process holds, or that is read-only.
 *
 * @throws OperatorError as `makeResults`
 */
export async function readResults(
  folder: string,
  { fleet, by = null, csvFor = null }: ResultOptions,
): Promise<Results> {
  const fleets = fleet === null ? [] : [fleet];
  return await resultsOf({ folders: [folder], out: null, fleets, by, csvFor, warnings: [] });
}

/**
 * Makes one final set of files from one or several runs of a fleet, in a folder of its own. The last outcome of each registration
 * counts, in the order in which the runs began.
 *
 * @throws OperatorError as `makeResults`, `usage` when the runs cannot be merged or `out` cannot hold the files, and `local` when
 * another process is using `out`
 */
export async function mergeResults(
  folders: readonly string[],
  out: string,
  { by = null, csvFor = null }: Omit<ResultOptions, 'fleet'> = {},
): Promise<Results> {
  const { folders: ordered, warnings } = await mergeableRuns(folders);
  if (existsSync(join(out, JOURNAL_FILE))) {
    const message = 'is the folder of a run, which keeps only its own results';
    throw new OperatorError('usage', [problemIn(out, message, 'Name another folder with --out DIR')]);
  }
  ensureOutFolder(out, RUN_FOLDER_MODE);
  const unlock = lockRunFolder(out);
  try {
    const fleets = ordered.flatMap((folder) => fleetOfRun(folder) ?? []);
    return await resultsOf({ folders: ordered, out, fleets, by, csvFor, warnings });
  } finally {
    unlock();
  }
}

async function resultsOf(source: ResultSource): Promise<Results> {
  const { folders, out, warnings } = source;
  for (const folder of folders) await refuseChangedJournal(folder);
  const survey = await surveyJournals(folders.map((folder) => join(folder, JOURNAL_FILE)));
  const { fleet, totals } = survey;
  const columns = breakdownColumns(survey, source);
  const rejected = await rejectedListOf(folders, fleet.rejectedRows);
  const hubChecks = await HubChecks.open(folders);
  const look = { removed: await removedOf(source), withHubChecks: hubChecks !== null };
  const files = resultFiles(survey, source, rejected, look);
  const lines = new FleetLines(() => linesOf(survey, source, rejected));
  try {
    const { rows, lacking } = survey.index.complete ? NO_ROWS_NEEDED : await rowsOf(survey, source, rejected);
    const folds = new FinalFolds(survey, columns);
    await files?.begin();
    await foldOutcomes(finalOutcomes(survey, rows), { folds, files, lines, hubChecks });
    const lacksLeftOut = !(await addLeftOutRows(survey, files, folds, rejected));
    const summary = summarize({
      ...survey,
      ...folds.facts,
      withoutStalls: { ...folds.times.withoutStalls, totals: survey.totalsWithoutStalls },
      hubChecks: hubChecks?.fold ?? null,
      wrongHubs: folds.expectsHubs ? folds.wrongHubs.result() : null,
      registersUncounted: survey.index.releasesWithoutOutcome,
      sessions: survey.sessions.map(({ session }) => session),
      files: (await files?.finishData(folds.times.latency, survey.seconds, totals.values().activeMs)) ?? null,
      ...folderFacts(source),
      journalDigests: files === null ? null : await journalDigests(folders, hubChecks),
      warnings: [
        ...warnings,
        ...journalWarnings(survey),
        ...(lacking !== null && (files !== null || columns.length > 0) ? [lacksRows(lacking)] : []),
        ...(lacksLeftOut ? [LACKS_LEFT_OUT] : []),
      ],
    });
    const results = {
      summary,
      reportHtml: () => reportHtml({ ...survey, ...folds.facts, summary }, pageAssets()),
    };
    await files?.publish(results);
    return results;
  } catch (error) {
    await files?.discard();
    throw out === null ? error : asOperatorError(out, error);
  } finally {
    await lines.close();
    await hubChecks?.close();
  }
}

type OutcomeFolds = {
  readonly folds: FinalFolds;
  readonly files: ResultFiles | null;
  readonly lines: FleetLines;
  readonly hubChecks: HubChecks | null;
};

async function foldOutcomes(
  outcomes: AsyncIterable<FinalOutcome>,
  { folds, files, lines, hubChecks }: OutcomeFolds,
): Promise<void> {
  for await (const final of outcomes) {
    const facts = folds.add(final);
    const hubCheck = hubChecks === null || facts.standing === null ? null : await hubChecks.add(facts.standing);
    await files?.add(final, facts, hubCheck);
    if (facts.missedHubs !== null) await addWrongHub(final, facts.missedHubs, lines, { folds, files });
  }
  folds.times.complete();
}

/** Audit and clean-up belong to the folder of their run: results elsewhere do not have their files. `null` = the results go elsewhere. */
function ownFolder({ folders, out }: Pick<ResultSource, 'folders' | 'out'>): string | null {
  const [folder = null, another] = folders;
  return another === undefined && (out === null || out === folder) ? folder : null;
}

function folderFacts(source: ResultSource): Pick<RunFacts, 'audit' | 'mergedRuns'> {
  const [folder, { folders }] = [ownFolder(source), source];
  return {
    audit: folder === null ? null : readAuditFile(folder),
    mergedRuns: folders.length === 1 ? null : folders.map((each) => basename(each)),
  };
}

async function removedOf(source: ResultSource): Promise<RemovedIds | null> {
  const folder = ownFolder(source);
  return folder === null ? null : await RemovedIds.read(folder);
}

/** `null` = none are to be written. */
function resultFiles(
  { first, end, sessions, agents }: JournalSurvey,
  { out, csvFor }: Pick<ResultSource, 'out' | 'csvFor'>,
  rejected: Pick<RejectedList, 'file'>,
  look: Pick<ConstructorParameters<typeof ResultFiles>[3], 'removed' | 'withHubChecks'>,
): ResultFiles | null {
  if (end === null || out === null) return null;
  const csvProgram = csvFor ?? sessions.at(-1)?.session.csvFor ?? 'plain';
  return new ResultFiles(out, first, rejected.file, { ...look, csvProgram, withAgents: agents.names.length > 0 });
}

/** @throws OperatorError `usage` for a column that the journals do not hold */
function breakdownColumns(
  { sessions, first, agents }: JournalSurvey,
  { by, fleets }: Pick<ResultSource, 'by' | 'fleets'>,
): readonly string[] {
  if (by === null) return sessions.at(-1)?.session.breakdowns ?? [];
  const { file, otherColumns } = first.fleet;
  const columns = fleets[0]?.columns ?? {};
  return resultColumns({ file, columns }, { names: by, knownColumns: null, otherColumns, labels: agents.labels });
}

/** @param file without which rows have no name */
function lacksRows(file: string): string {
  return `rows without an outcome have neither a registration ID nor columns: ${file} is missing or was changed`;
}

const LACKS_LEFT_OUT = `rows that were left out have no columns, and are not in not-registered.csv: ${REJECTED_ROWS_FILE} is missing or was changed`;

/** Returns whether all rows that were left out are known. */
async function addLeftOutRows(
  { first, fleet }: JournalSurvey,
  files: ResultFiles | null,
  folds: FinalFolds,
  { file, lines }: RejectedList,
): Promise<boolean> {
  if (fleet.rejectedRows === 0) return true;
  if (file === null || lines === null) {
    folds.addUnreadLeftOut(fleet.rejectedRows);
    return false;
  }
  for await (const row of readLeftOutRows(file, first.fleet.otherColumns)) {
    folds.addLeftOut(row);
    await files?.addLeftOut(row);
  }
  return true;
}

/** Reads the fleet for the line of a registration at a wrong hub. */
async function addWrongHub(
  { outcome }: FinalOutcome,
  expectedHubs: readonly string[],
  lines: FleetLines,
  { folds, files }: { readonly folds: FinalFolds; readonly files: ResultFiles | null },
): Promise<void> {
  const registration = { outcome, line: await lines.lineOf(outcome.row), expectedHubs };
  folds.wrongHubs.add(registration);
  await files?.addWrongHub(registration);
}

/** The journals as they are now, which nobody writes to any more. */
async function journalDigests(folders: readonly string[], hubChecks: HubChecks | null): Promise<readonly FileDigest[]> {
  const digests: FileDigest[] = [];
  for (const folder of folders) {
    const name = folders.length === 1 ? JOURNAL_FILE : `${basename(folder)}/${JOURNAL_FILE}`;
    digests.push({ name, sha256: await fileSha256(join(folder, JOURNAL_FILE)) });
  }
  return [...digests, ...((await hubChecks?.digests(folders.length > 1)) ?? [])];
}

/** Folds the outcomes that count. */
class FinalFolds {
  readonly counts = new OutcomeCounts();
  /** Of devices, not of registrations. */
  readonly #devices: {
    readonly account: AccountFold;
    readonly breakdown: FleetBreakdown;
    readonly columns: readonly ColumnBreakdown[];
    readonly agents: AgentResults;
    /** Of the agents that registered the current device, by outcome: one for each round. */
    readonly labels: Map<RegistrationOutcome, AgentLabels>;
  };
  readonly times = new MeasuredTimes();
  readonly hubs = new HubDistribution();
  readonly hubExpectation: HubExpectation;
  readonly allocationCounts: AllocationCounts;
  readonly movementCounts = new MovementCounts();
  readonly hubTimeline = new HubTimeline();
  readonly others = { possiblyTwice: 0, registersOfLast: 0 };
  readonly #steps: {
    readonly history: DeviceHistory;
    readonly permitted: PermittedHubs;
    readonly wrongHubs: WrongHubs;
  };
  readonly #first: SessionRecord;

  /** @param columns by which to show results */
  constructor(survey: JournalSurvey, columns: readonly string[]) {
    const { first, fleet, end, wasSelected } = survey;
    this.#first = first;
    const { rounds } = first;
    this.#devices = {
      account: new AccountFold({
        wasSelected,
        isDone: reachedPlannedEnd(end),
        rounds,
        leftOut: fleet.rejectedRows,
      }),
      breakdown: new FleetBreakdown(first.fleet.otherColumns),
      columns: columns.map((column) => byColumn(column, first.fleet.otherColumns)),
      agents: new AgentResults(survey.agents.labels),
      labels: new Map(),
    };
    this.#steps = {
      history: new DeviceHistory(first.startedAtEpochMs),
      permitted: new PermittedHubs(first.allocation),
      wrongHubs: new WrongHubs(),
    };
    this.hubExpectation = new HubExpectation(first.allocation);
    this.allocationCounts = new AllocationCounts(first.allocation?.by ?? 'fleet');
  }

  /** Everything that was folded, for summary and report. */
  get facts() {
    const { account, agents: agentResults, breakdown } = this.#devices;
    const { columns, others, times } = this;
    return { ...this, ...others, ...times, account: account.result(), agentResults, breakdown, columns };
  }

  get columns(): readonly ColumnBreakdown[] {
    return this.#devices.columns;
  }

  get wrongHubs(): WrongHubs {
    return this.#steps.wrongHubs;
  }

  get expectsHubs(): boolean {
    return this.#first.allocation !== null || this.hubs.expecting > 0;
  }

  add({ outcome, clockEpochMs, region, agentLabels }: FinalOutcome): DeviceFacts {
    const clockOffsetMs = clockEpochMs - this.#first.startedAtEpochMs;
    const step = this.#steps.history.step(outcome);
    this.counts.add(outcome);
    this.#devices.agents.add(outcome);
    this.#devices.labels.set(outcome, agentLabels);
    const standing = this.#devices.account.add(outcome);
    if (standing !== null) this.#addStanding(standing);
    this.times.add(outcome, clockOffsetMs);
    this.hubs.add(outcome);
    this.hubExpectation.add(outcome);
    this.allocationCounts.add(step, region);
    this.movementCounts.add(step);
    this.hubTimeline.add(outcome, clockOffsetMs);
    if (outcome.possiblyTwice) this.others.possiblyTwice += 1;
    this.others.registersOfLast += outcome.registersSent;
    return { step, standing, missedHubs: this.#steps.permitted.missedBy(step, region) };
  }

  addLeftOut(row: FleetLabels): void {
    this.#devices.breakdown.add({ ...row, state: 'left-out', code: null });
    this.#addToColumns({ ...row, assignedHub: null, state: 'left-out', agentLabels: NO_LABELS, isNamed: true });
  }

  /** Adds rows that were left out, of which nothing else is known. */
  addUnreadLeftOut(rows: number): void {
    const row = { group: null, expectedHub: null, otherValues: [], assignedHub: null, agentLabels: NO_LABELS };
    for (let left = rows; left > 0; left -= 1) this.#addToColumns({ ...row, state: 'left-out', isNamed: false });
  }

  #addStanding({ state, outcome }: DeviceStanding): void {
    const { registrationId, group, expectedHub, otherValues, assignedHub, errorCode, result } = outcome;
    this.#devices.breakdown.add({ group, otherValues, state, code: state === 'failed' ? (errorCode ?? result) : null });
    const agentLabels = this.#devices.labels.get(outcome) ?? NO_LABELS;
    this.#devices.labels.clear();
    const row = { group, expectedHub, otherValues, assignedHub, state, agentLabels, isNamed: registrationId !== '' };
    this.#addToColumns(row);
    if (outcome.agent !== null) this.#devices.agents.addRow(row);
  }

  #addToColumns(row: BrokenDownRow): void {
    for (const column of this.columns) column.add(row);
  }
}

/** The values of a row by which results can be shown. */
type FleetLabels = Pick<BrokenDownRow, 'group' | 'expectedHub' | 'otherValues'>;

/** What names the registrations without an outcome. */
type FleetRows = {
  /** `null` = not known, or not needed. */
  readonly rows: (() => AsyncIterable<FleetRow>) | null;
  /** The missing or changed file without which they are not known. */
  readonly lacking: string | null;
};

const NO_ROWS_NEEDED: FleetRows = { rows: null, lacking: null };

/** Finds the rows of the fleet in the first file that still is that fleet. */
export async function rowsOf(
  { fleet: surveyed }: JournalSurvey,
  { folders, fleets }: Pick<ResultSource, 'folders' | 'fleets'>,
  { file, lines: rejectedLines }: RejectedList,
): Promise<FleetRows> {
  if (surveyed.rejectedRows > 0 && rejectedLines === null) {
    return { rows: null, lacking: file ?? join(folders[0] ?? '', REJECTED_ROWS_FILE) };
  }
  const fleet = await unchangedFleet(surveyed, fleets);
  if (fleet === null) return { rows: null, lacking: surveyed.file };
  return { rows: () => readFleet(fleet, { ...surveyed, rejectedLines }), lacking: null };
}

/** `null` = they are not known. */
async function linesOf(
  { fleet: surveyed }: JournalSurvey,
  { fleets }: Pick<ResultSource, 'fleets'>,
  { lines: rejectedLines }: RejectedList,
): Promise<AsyncIterable<number> | null> {
  if (surveyed.rejectedRows > 0 && rejectedLines === null) return null;
  const fleet = await unchangedFleet(surveyed, fleets);
  return fleet === null ? null : readFleetLines(fleet, { ...surveyed, rejectedLines });
}

/** The first file that still is the fleet; `null` = none. */
async function unchangedFleet(
  { bytes, digest }: SessionRecord['fleet'],
  fleets: readonly FleetFile[],
): Promise<FleetFile | null> {
  for (const fleet of fleets) {
    if ((await fileSha256(fleet.file, bytes).catch(() => null)) === digest) return fleet;
  }
  return null;
}

/** What lists the rows that were left out. */
type RejectedList = {
  /** `null` = no run has it, or no row was left out. */
  readonly file: string | null;
  /** `null` also when the file is damaged or lists other rows. */
  readonly lines: RejectedLines | null;
};

/** The list of the first run that still has one. */
export async function rejectedListOf(folders: readonly string[], rejectedRows: number): Promise<RejectedList> {
  const files = rejectedRows === 0 ? [] : folders.map((folder) => join(folder, REJECTED_ROWS_FILE));
  const file = files.find((name) => existsSync(name)) ?? null;
  return { file, lines: file === null ? null : await findRejectedLines(file, rejectedRows) };
}

function journalWarnings({ journals }: JournalSurvey): readonly string[] {
  const isMerge = journals.length > 1;
  return journals.flatMap(({ file, torn, end }) => {
    const journal = isMerge ? `the journal in ${dirname(file)}` : 'the journal';
    return [
      ...(torn ? [`the last line of ${journal} is incomplete and was ignored`] : []),
      ...(isMerge && end === null ? [`${journal} has no end: its run is still in progress, or was killed`] : []),
    ];
  });
}

/** Errors of a folder that cannot be written, no matter how much space is free. */
const CLOSED_FOLDER_CODES = ['EACCES', 'EPERM', 'EROFS'];

function asOperatorError(folder: string, error: unknown): unknown {
  const { code = '', syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof OperatorError || syscall === undefined) return error;
  const remedy = CLOSED_FOLDER_CODES.includes(code)
    ? 'Write them elsewhere with dpsload report --out DIR, or make the folder writable'
    : 'Free disk space or repair the disk, then run dpsload report';
  return new OperatorError('local', [
    problemIn(folder, `the results cannot be written (${message}); the journal is complete`, remedy),
  ]);
}
