import { createReadStream, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceStep } from '../allocation/movement.ts';
import { AtomicFile, type FileDigest } from '../files/atomic-file.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import type { LatencyHistograms } from '../metrics/latency-histograms.ts';
import { latencyHlog } from '../report/latency-hlog.ts';
import { leftBehindHeader, leftBehindLines } from '../report/left-behind.ts';
import { MOVES_CSV_HEADER, moveOf, movesCsvLine } from '../report/moves-csv.ts';
import {
  FAILURES_CSV_HEADER,
  failuresCsvLine,
  registrationsCsvHeader,
  registrationsCsvLine,
} from '../report/registrations-csv.ts';
import { type Summary, summaryJson } from '../report/summary.ts';
import { REJECTED_ROWS_FILE } from '../run-folder/rejected-rows.ts';
import type { FinalOutcome } from './final-outcomes.ts';

/** What is made of a journal alone: summary.json first, which vouches for the others. */
const RESULT_FILES = [
  'summary.json',
  'report.html',
  'registrations.csv',
  'failures.csv',
  'moves.csv',
  'latency.hlog',
  'left-behind.txt',
];

export function holdsResults(folder: string): boolean {
  return RESULT_FILES.some((name) => existsSync(join(folder, name)));
}

/** Takes away what is no longer true once the journal goes on. Where that is cut short, no summary vouches for the rest. */
export async function withdrawResults(folder: string): Promise<void> {
  for (const name of RESULT_FILES) await rm(join(folder, name), { force: true });
}

/** The files that are made of a closed journal. They appear together, when all are whole. */
export class ResultFiles {
  readonly #registrations: AtomicFile;
  readonly #failures: AtomicFile;
  readonly #moves: AtomicFile;
  readonly #summary: AtomicFile;
  readonly #latency: AtomicFile;
  readonly #report: AtomicFile;
  /** `null` = no row was rejected. */
  readonly #rejected: AtomicFile | null;
  readonly #rejectedRowsFile: string | null;
  /** `null` = the run does not list what it leaves behind. */
  readonly #leftBehind: AtomicFile | null;
  readonly #session: SessionRecord;
  /** What a row of the fleet, or all of them, say. */
  readonly #data: readonly AtomicFile[];
  readonly #all: readonly AtomicFile[];

  /**
   * @param session the first of the run
   * @param rejectedRowsFile what the run wrote of them when it began; `null` = no row was rejected
   */
  constructor(folder: string, session: SessionRecord, rejectedRowsFile: string | null) {
    this.#rejectedRowsFile = rejectedRowsFile;
    this.#session = session;
    this.#registrations = new AtomicFile(join(folder, 'registrations.csv'));
    this.#failures = new AtomicFile(join(folder, 'failures.csv'));
    this.#moves = new AtomicFile(join(folder, 'moves.csv'));
    this.#summary = new AtomicFile(join(folder, 'summary.json'));
    this.#latency = new AtomicFile(join(folder, 'latency.hlog'));
    this.#report = new AtomicFile(join(folder, 'report.html'));
    this.#leftBehind = session.listsLeftBehind ? new AtomicFile(join(folder, 'left-behind.txt')) : null;
    this.#rejected = rejectedRowsFile === null ? null : new AtomicFile(join(folder, REJECTED_ROWS_FILE));
    const always = [this.#registrations, this.#failures, this.#moves, this.#latency];
    this.#data = [...always, ...[this.#rejected, this.#leftBehind].filter((file) => file !== null)];
    this.#all = [...this.#data, this.#report, this.#summary];
  }

  /** First of all. */
  async begin(): Promise<void> {
    await this.#registrations.write(registrationsCsvHeader(this.#session.fleet.otherColumns));
    await this.#failures.write(FAILURES_CSV_HEADER);
    await this.#moves.write(MOVES_CSV_HEADER);
    await this.#leftBehind?.write(leftBehindHeader(this.#session));
    if (this.#rejectedRowsFile === null) return;
    for await (const text of createReadStream(this.#rejectedRowsFile, 'utf8')) await this.#rejected?.write(text);
  }

  /** In the order of the fleet. */
  async add({ outcome, clockEpochMs }: FinalOutcome, step: DeviceStep): Promise<void> {
    await this.#registrations.write(registrationsCsvLine(outcome, clockEpochMs));
    const failure = failuresCsvLine(outcome);
    if (failure !== null) await this.#failures.write(failure);
    const move = moveOf(step);
    if (move !== null) await this.#moves.write(movesCsvLine(move));
    if (outcome.round === this.#session.rounds) await this.#leftBehind?.write(leftBehindLines(step));
  }

  /**
   * After the last row.
   * @returns the digests of the files that the summary vouches for: all but those that are made of it.
   */
  async finishData(latency: LatencyHistograms, activeMs: number): Promise<readonly FileDigest[]> {
    await this.#latency.write(latencyHlog(latency, this.#session.startedAtEpochMs, activeMs));
    const digests: FileDigest[] = [];
    for (const file of this.#data) digests.push(await file.finish());
    return digests;
  }

  /** Where summary.json stands, all of the same making stand beside it: it goes first, and comes last. */
  async publish({ summary, reportHtml }: Results): Promise<void> {
    await this.#summary.write(summaryJson(summary));
    await this.#report.write(reportHtml());
    for (const file of [this.#report, this.#summary]) await file.finish();
    await this.#summary.withdraw();
    for (const file of this.#all) await file.publish();
  }

  /** Removes what was not published. */
  async discard(): Promise<void> {
    for (const file of this.#all) await file.discard();
  }
}

export type Results = {
  readonly summary: Summary;
  /** The text of report.html. */
  reportHtml(): string;
};
