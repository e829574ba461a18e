import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { readLastEnd } from '../journal/journal-reader.ts';
import type { EndReason } from '../journal/journal-record.ts';
import { targetLabel } from '../journal/target-name.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';
import { describeAccount } from '../report/account-text.ts';
import { failedOf, leftOf, reachedPlannedEnd, SUMMARY_SCHEMA_VERSION } from '../report/summary.ts';
import { SUMMARY_SHAPE } from '../report/summary-schema.ts';
import { checksumsSha256 } from '../run-folder/checksums.ts';
import { foldersIn } from '../run-folder/earlier-runs.ts';
import { findRunFile, RUN_FILE } from '../run-folder/run-file.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';
import { holderIn } from '../run-folder/run-lock.ts';
import { readSummaryFile } from './result-files.ts';

/**
 * `running`: a process works in the folder. `finished`: the run did all that it was to do. `stopped`: it ended before, and can be
 * resumed. `killed`: it has no end, and can be resumed. `unreadable`: run.json or the journal is missing, damaged or another version's.
 */
export type RunState = 'running' | 'finished' | 'stopped' | 'killed' | 'unreadable';

/** A run of a folder; `null` = not known. */
export type ListedRun = {
  readonly folder: string;
  /** ISO 8601. */
  readonly startedAt: string | null;
  readonly name: string | null;
  readonly fleet: string | null;
  readonly target: string | null;
  /** Usable rows of the fleet, and rows that were left out. */
  readonly rows: number | null;
  readonly rejectedRows: number | null;
  readonly rounds: number | null;
  readonly state: RunState;
  /** Why the last session ended. */
  readonly end: EndReason | null;
  /** What became of the devices, in the words of the run's verdict. */
  readonly devices: string | null;
  /** Registrations, from summary.json. */
  readonly assigned: number | null;
  readonly failed: number | null;
  readonly left: number | null;
  readonly notes: Readonly<Record<string, string>>;
  /** SHA-256 of SHA256SUMS. */
  readonly checksumsSha256: string | null;
};

/** The members of summary.json that a list needs; other versions may have more. */
const SUMMARY_PART = z.object({
  schemaVersion: z.literal(SUMMARY_SCHEMA_VERSION),
  fleet: z.object({ rows: z.number(), rounds: z.number() }),
  results: SUMMARY_SHAPE.shape.results,
  account: SUMMARY_SHAPE.shape.account,
  end: SUMMARY_SHAPE.shape.end,
});

type SummaryPart = z.infer<typeof SUMMARY_PART>;

/**
 * The runs under `out`, newest first. Reads run.json, summary.json and the end of each journal, never a whole journal.
 *
 * @throws OperatorError `usage` when the folder does not exist
 */
export async function listRuns(out: string): Promise<readonly ListedRun[]> {
  if (!existsSync(out)) {
    throw new OperatorError('usage', [
      problemIn(out, 'does not exist', 'Name the folder that holds the folders of runs'),
    ]);
  }
  const runs: ListedRun[] = [];
  for (const folder of foldersIn(out)) {
    if (existsSync(join(folder, RUN_FILE)) || existsSync(join(folder, JOURNAL_FILE)))
      runs.push(await describeRun(folder));
  }
  // Folders may have been renamed; those of unknown age come last.
  return runs.sort((a, b) => compareTexts(b.startedAt ?? '', a.startedAt ?? ''));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

async function describeRun(folder: string): Promise<ListedRun> {
  const run = findRunFile(folder, 'startedAt', 'target', 'fleet', 'settings');
  const summary = SUMMARY_PART.safeParse(readSummaryFile(folder)).data ?? null;
  const name = run?.settings['name'];
  return {
    folder,
    startedAt: run?.startedAt ?? null,
    name: typeof name === 'string' ? name : null,
    fleet: run === null ? null : basename(run.fleet.file),
    target: run === null ? null : targetLabel(run.target),
    rows: summary?.fleet.rows ?? run?.fleet.rows ?? null,
    rejectedRows: run?.fleet.rejectedRows ?? null,
    rounds: summary?.fleet.rounds ?? null,
    ...(await stateOf(folder, run === null, summary)),
    devices: summary === null ? null : describeAccount(summary),
    assigned: summary?.results.assigned ?? null,
    failed: summary === null ? null : failedOf(summary),
    left: summary === null ? null : leftOf(summary),
    notes: notesOf(run?.settings['notes']),
    checksumsSha256: checksumsSha256(folder),
  };
}

async function stateOf(
  folder: string,
  isUnreadable: boolean,
  summary: SummaryPart | null,
): Promise<Pick<ListedRun, 'state' | 'end'>> {
  try {
    if (holderIn(folder) !== null) return { state: 'running', end: null };
    const end = summary?.end ?? (await readLastEnd(join(folder, JOURNAL_FILE)));
    if (isUnreadable) return { state: 'unreadable', end: end?.reason ?? null };
    if (end === null) return { state: 'killed', end: null };
    return { state: reachedPlannedEnd(end) ? 'finished' : 'stopped', end: end.reason };
  } catch {
    return { state: 'unreadable', end: null };
  }
}

function notesOf(value: unknown): ListedRun['notes'] {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, note]) => [name, String(note)]));
}
