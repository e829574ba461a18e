import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { scheduleLeft } from '../../src/load/pace.ts';
import { type EstimatedLoad, estimateRun } from '../../src/load/run-estimate.ts';
import type { Eta } from '../../src/metrics/eta.ts';
import { ProgressFold } from '../../src/metrics/progress.ts';
import { sessionRecord } from './sample-journal.ts';

/** A session that has ended, as its journal tells it. */
export type RecordedRun = {
  readonly name: string;
  readonly load: EstimatedLoad;
  /** That the session had to settle, over all rounds. */
  readonly registrations: number;
  readonly records: readonly JournalRecord[];
};

/** When the ETA is judged: after these shares of the time to the end of the last registration. */
export const PROGRESS = [0.1, 0.25, 0.5, 0.75, 0.9] as const;

/** What the ETA said at one of these moments. */
export type JudgedEta = {
  readonly leftMs: number;
  /** `null` = it said nothing. */
  readonly eta: Eta | null;
};

/** Replays a run into the live view's numbers, as it was seen second by second. */
export function judgeEta({ load, registrations, records }: RecordedRun): readonly JudgedEta[] {
  const { durationMs, isGuess } = estimateRun(load, registrations / load.rounds);
  const fold = new ProgressFold({
    target: sessionRecord().target,
    name: null,
    registrations,
    before: { settled: 0, assigned: 0, failed: 0 },
    ratePerSecond: null,
    allocation: null,
    concurrency: load.concurrency,
    scheduleLeftMs: scheduleLeft(load.shape, registrations),
    estimateMs: isGuess ? null : durationMs,
  });
  const endMs = lastEndMs(records);
  const moments = PROGRESS.map((share) => share * endMs);
  const judged: JudgedEta[] = [];
  for (const record of records) {
    if (record.kind === 'outcome') fold.add(record);
    if (record.kind !== 'sample') continue;
    fold.addSample(record);
    while (judged.length < moments.length && record.atMs >= (moments[judged.length] ?? 0)) {
      judged.push({ leftMs: Math.max(0, endMs - record.atMs), eta: fold.at(record.atMs).eta });
    }
  }
  return judged;
}

function lastEndMs(records: readonly JournalRecord[]): number {
  const ends = records.map((record) => (record.kind === 'outcome' ? (record.finishedAtMs ?? 0) : 0));
  return ends.reduce((last, atMs) => Math.max(last, atMs), 0);
}

/** The interval of measurements: an ETA is no better than this. */
const RESOLUTION_MS = 1_000;

/** How far the middle of the ETA is off, as a share of what was left; `null` where it said nothing. */
export function relativeError({ leftMs, eta }: JudgedEta): number | null {
  if (eta === null) return null;
  return Math.abs((eta.lowMs + eta.highMs) / 2 - leftMs) / Math.max(RESOLUTION_MS, leftMs);
}

/** Whether what was left lies within the ETA. */
export function isCovered({ leftMs, eta }: JudgedEta): boolean {
  return eta !== null && leftMs >= eta.lowMs - RESOLUTION_MS && leftMs <= eta.highMs + RESOLUTION_MS;
}
