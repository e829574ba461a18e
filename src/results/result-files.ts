import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceStep } from '../allocation/movement.ts';
import { AtomicFile, type FileDigest } from '../files/atomic-file.ts';
import { type CsvCell, type CsvProgram, csvHeader, csvLine } from '../files/csv-line.ts';
import type { HubCheckRecord } from '../journal/hub-check-record.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import type { DeviceStanding } from '../metrics/fleet-account.ts';
import type { LatencyHistograms } from '../metrics/latency-histograms.ts';
import type { SecondSeries } from '../metrics/second-series.ts';
import { HUB_CHECKS_CSV_NAMES, hubChecksCsvCells } from '../report/hub-checks-csv.ts';
import { latencyHlog } from '../report/latency-hlog.ts';
import { leftBehindHeader, leftBehindLines } from '../report/left-behind.ts';
import { MOVES_CSV_NAMES, moveOf, movesCsvCells } from '../report/moves-csv.ts';
import {
  type LeftOutRow,
  leftOutCsvCells,
  notRegisteredCsvCells,
  notRegisteredCsvNames,
} from '../report/not-registered-csv.ts';
import { FAILURES_CSV_NAMES, failuresCsvCells, type RowLook, registrationsCsv } from '../report/registrations-csv.ts';
import { SERIES_CSV_NAMES, seriesCsvCells } from '../report/series-csv.ts';
import { type Summary, summaryJson } from '../report/summary.ts';
import { type WrongHub, wrongHubCsvCells, wrongHubCsvNames } from '../report/wrong-hub.ts';
import { withdrawAudit } from '../run-folder/audit-files.ts';
import { CHECKSUMS_FILE, writeChecksums } from '../run-folder/checksums.ts';
import type { RemovedIds } from '../run-folder/cleanup-file.ts';
import { REJECTED_ROWS_FILE, rejectedRowsText } from '../run-folder/rejected-rows.ts';
import type { FinalOutcome } from './final-outcomes.ts';

/** Files with the results of single devices, of seconds, or of all. `summary.json` lists their digests, in this order. */
const DATA_FILES = [
  'registrations.csv',
  'failures.csv',
  'not-registered.csv',
  'moves.csv',
  'series.csv',
  'wrong-hub.csv',
  'hub-checks.csv',
  'latency.hlog',
  REJECTED_ROWS_FILE,
  'left-behind.txt',
] as const;

const SUMMARY_FILE = 'summary.json';

/** The contents of summary.json, of whatever version; `null` when there is none or it is damaged. */
export function readSummaryFile(folder: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, SUMMARY_FILE), 'utf8'));
  } catch {
    return null;
  }
}
const REPORT_FILE = 'report.html';

type ResultFileName = (typeof DATA_FILES)[number] | typeof SUMMARY_FILE | typeof REPORT_FILE;

/** The files made from a journal alone, first those that vouch for the others. */
export const JOURNAL_RESULTS: readonly string[] = [
  CHECKSUMS_FILE,
  SUMMARY_FILE,
  REPORT_FILE,
  ...DATA_FILES.filter((name) => name !== REJECTED_ROWS_FILE),
];

export function holdsResults(folder: string): boolean {
  return JOURNAL_RESULTS.some((name) => existsSync(join(folder, name)));
}

/** Removes results that a continued journal makes stale. If interrupted, no summary vouches for the remaining files. */
export async function withdrawResults(folder: string): Promise<void> {
  await withdrawRebuilt(folder);
  await withdrawAudit(folder);
}

/** Removes only what is rebuilt from the journals: hub checks register nothing, so an audit still fits. */
export async function withdrawRebuilt(folder: string): Promise<void> {
  for (const name of JOURNAL_RESULTS) await rm(join(folder, name), { force: true });
}

export type Results = {
  readonly summary: Summary;
  /** Returns the text of report.html. */
  reportHtml(): string;
};

/** A registration among those of its device. */
export type DeviceFacts = {
  /** With what the device had before. */
  readonly step: DeviceStep;
  /** After the last round; `null` before. */
  readonly standing: DeviceStanding | null;
  /** The hubs that it should have gone to, if it went elsewhere; `null` otherwise. */
  readonly missedHubs: readonly string[] | null;
};

type ResultFilesLook = RowLook & {
  /** What dpsload cleanup has removed; `null` = the run was never cleaned up. */
  readonly removed: RemovedIds | null;
  readonly csvProgram: CsvProgram;
};

/** The files made from a closed journal. They appear together once all are complete. */
export class ResultFiles {
  readonly #folder: string;
  readonly #files: ReadonlyMap<ResultFileName, AtomicFile>;
  readonly #session: SessionRecord;
  readonly #rejectedRowsFile: string | null;
  readonly #look: ResultFilesLook;
  readonly #rows: ReturnType<typeof registrationsCsv>;

  /**
   * @param session the first of the run
   * @param rejectedRowsFile list of rejected rows that the run wrote when it began; `null` = no row was rejected
   */
  constructor(folder: string, session: SessionRecord, rejectedRowsFile: string | null, look: ResultFilesLook) {
    this.#folder = folder;
    this.#look = look;
    this.#rows = registrationsCsv(look);
    this.#session = session;
    this.#rejectedRowsFile = rejectedRowsFile;
    const isMade = (name: ResultFileName): boolean =>
      (name !== REJECTED_ROWS_FILE || rejectedRowsFile !== null) &&
      (name !== 'hub-checks.csv' || look.withHubChecks) &&
      (name !== 'left-behind.txt' || session.listsLeftBehind || look.removed !== null);
    const names: readonly ResultFileName[] = [...DATA_FILES, REPORT_FILE, SUMMARY_FILE];
    this.#files = new Map(names.filter(isMade).map((name) => [name, new AtomicFile(join(folder, name))]));
  }

  /** Call first. */
  async begin(): Promise<void> {
    const { otherColumns } = this.#session.fleet;
    await this.#writeHeader('registrations.csv', this.#rows.names(otherColumns));
    await this.#writeHeader('failures.csv', FAILURES_CSV_NAMES);
    await this.#writeHeader('not-registered.csv', notRegisteredCsvNames(otherColumns));
    await this.#writeHeader('moves.csv', MOVES_CSV_NAMES);
    await this.#writeHeader('series.csv', SERIES_CSV_NAMES);
    await this.#writeHeader('wrong-hub.csv', wrongHubCsvNames(otherColumns));
    await this.#writeHeader('hub-checks.csv', HUB_CHECKS_CSV_NAMES);
    await this.#write('left-behind.txt', leftBehindHeader(this.#session, this.#look.removed !== null));
    if (this.#rejectedRowsFile === null) return;
    for await (const text of rejectedRowsText(this.#rejectedRowsFile, this.#look.csvProgram)) {
      await this.#write(REJECTED_ROWS_FILE, text);
    }
  }

  /**
   * Call in the order of the fleet.
   *
   * @param hubCheck with its standing: how the device fared at its hub; `null` = it was not checked
   */
  async add(
    { outcome, clockEpochMs }: FinalOutcome,
    { step, standing }: DeviceFacts,
    hubCheck: HubCheckRecord | null,
  ): Promise<void> {
    const cells = this.#rows.cells(outcome, { clockEpochMs, hubCheck: hubCheck?.result ?? null });
    await this.#writeRecord('registrations.csv', cells);
    if (hubCheck !== null) await this.#writeRecord('hub-checks.csv', hubChecksCsvCells(hubCheck));
    await this.#writeRecord('failures.csv', failuresCsvCells(outcome));
    if (standing !== null) await this.#writeRecord('not-registered.csv', notRegisteredCsvCells(standing));
    const move = moveOf(step);
    if (move !== null) await this.#writeRecord('moves.csv', movesCsvCells(move));
    if (outcome.round !== this.#session.rounds) return;
    const { registrationId: id, finishedAtMs } = outcome;
    const isRemoved =
      this.#look.removed?.has({ what: 'registration', id }, clockEpochMs + (finishedAtMs ?? 0)) ?? false;
    await this.#write('left-behind.txt', leftBehindLines(step, isRemoved));
  }

  /** Call in the order of the fleet. */
  async addWrongHub(registration: WrongHub): Promise<void> {
    await this.#writeRecord('wrong-hub.csv', wrongHubCsvCells(registration));
  }

  /** Call after the last outcome, for each row that was left out. */
  async addLeftOut(row: LeftOutRow): Promise<void> {
    await this.#writeRecord('not-registered.csv', leftOutCsvCells(row));
  }

  /** Call after the last row. Returns the digests that the summary lists: of all files but those made from the summary. */
  async finishData(
    latency: LatencyHistograms,
    seconds: SecondSeries,
    activeMs: number,
  ): Promise<readonly FileDigest[]> {
    for (const second of seconds.seconds()) {
      await this.#writeRecord('series.csv', seriesCsvCells(second, this.#session.startedAtEpochMs));
    }
    await this.#write('latency.hlog', latencyHlog(latency, this.#session.startedAtEpochMs, activeMs));
    const digests: FileDigest[] = [];
    for (const name of DATA_FILES) {
      const file = this.#files.get(name);
      if (file !== undefined) digests.push(await file.finish());
    }
    return digests;
  }

  /**
   * Replaces all files. SHA256SUMS and summary.json go first and come last, so they always stand beside files of the same making.
   * SHA256SUMS is the very last: it covers every file.
   */
  async publish({ summary, reportHtml }: Results): Promise<void> {
    await this.#write(SUMMARY_FILE, summaryJson(summary));
    await this.#write(REPORT_FILE, reportHtml());
    for (const name of [REPORT_FILE, SUMMARY_FILE] as const) await this.#files.get(name)?.finish();
    await rm(join(this.#folder, CHECKSUMS_FILE), { force: true });
    await this.#files.get(SUMMARY_FILE)?.withdraw();
    for (const file of this.#files.values()) await file.publish();
    const known = [...(summary.journals ?? []), ...(summary.files ?? [])];
    await writeChecksums(this.#folder, [...this.#files.keys()], known);
  }

  /** Removes everything that was not published. */
  async discard(): Promise<void> {
    for (const file of this.#files.values()) await file.discard();
  }

  async #writeHeader(name: ResultFileName, names: readonly string[]): Promise<void> {
    await this.#write(name, csvHeader(names, this.#look.csvProgram));
  }

  /** @param cells `null` = the file does not list this device */
  async #writeRecord(name: ResultFileName, cells: readonly CsvCell[] | null): Promise<void> {
    if (cells !== null) await this.#write(name, csvLine(cells, this.#look.csvProgram));
  }

  /** Does nothing for a file that this run does not make. */
  async #write(name: ResultFileName, text: string): Promise<void> {
    await this.#files.get(name)?.write(text);
  }
}
