import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder } from '../files/sync-folder.ts';
import { createJournal, type JournalWriter, reopenJournal } from '../journal/journal-writer.ts';
import type { PreflightFacts } from '../preflight/first-device.ts';
import { withdrawResults } from '../results/result-files.ts';
import { type PlannedRun, refuseTwinRun } from '../run-folder/earlier-runs.ts';
import { writeRejectedRows } from '../run-folder/rejected-rows.ts';
import { machineFacts, type NewRunFile, RUN_FILE_VERSION, recordResume, writeRunFile } from '../run-folder/run-file.ts';
import { createRunFolder, JOURNAL_FILE } from '../run-folder/run-folder.ts';
import { lockRunFolder } from '../run-folder/run-lock.ts';
import { fleetRulesOf } from '../scenario/scenario.ts';
import type { InterruptedRun } from './interrupted-run.ts';
import { fleetRecord, type RunRequest } from './run-request.ts';

/** A run whose next session can begin. */
export type OpenedRun = {
  readonly folder: string;
  readonly journal: JournalWriter;
  /** 1-based. */
  readonly session: number;
  /** Wall clock at 0 of this session's clock, and of the run's first session. */
  readonly startedAtEpochMs: number;
  readonly runStartedAtEpochMs: number;
  unlock(): void;
};

/** @throws OperatorError `usage` when a run that started at the same time does the same, `local` when the disk fails */
export async function beginRun(
  request: RunRequest,
  preflightFacts: PreflightFacts,
  startedAtEpochMs: number,
): Promise<OpenedRun> {
  const { scenario } = request;
  const folder = createRunFolder(scenario, startedAtEpochMs, request.folder);
  const unlock = lockRunFolder(folder);
  try {
    await writeRejectedRows(folder, scenario, fleetRulesOf(scenario), request.fleet);
    const journal = await createJournal(join(folder, JOURNAL_FILE));
    await orClose(journal, async () => {
      // Last: with run.json, the folder is a run that can be resumed.
      writeRunFile(folder, newRunFile(request, preflightFacts, startedAtEpochMs));
      await syncFolder(folder);
      await syncFolder(dirname(folder));
    });
    if (!request.again) await withdrawFromTwin(request, folder, journal);
    return { folder, journal, session: 1, startedAtEpochMs, runStartedAtEpochMs: startedAtEpochMs, unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Prepares a session; if that fails, nobody will use the journal. */
async function orClose(journal: JournalWriter, prepare: () => Promise<void>): Promise<void> {
  try {
    await prepare();
  } catch (error) {
    // The first error says what is wrong; a second failure of the disk adds nothing.
    await journal.close().catch(() => {});
    throw error;
  }
}

/** Removes this run, which has sent nothing yet, if another run has started for the same fleet and target. */
async function withdrawFromTwin(request: RunRequest, folder: string, journal: JournalWriter): Promise<void> {
  try {
    refuseTwinRun(plannedRun(request), folder);
  } catch (error) {
    await journal.close();
    rmSync(folder, { recursive: true });
    throw error;
  }
}

export function plannedRun({ scenario, fleet, target }: RunRequest): PlannedRun {
  return { out: scenario.out, digest: fleet.digest, target };
}

/** The caller holds the lock. @throws OperatorError `local` when the disk fails */
export async function reopenRun(
  { fleet, scenario, settings }: Pick<RunRequest, 'fleet' | 'scenario' | 'settings'>,
  {
    folder,
    journalBytes,
    sessions,
    startedAtEpochMs: runStartedAtEpochMs,
  }: Pick<InterruptedRun, 'folder' | 'journalBytes' | 'sessions' | 'startedAtEpochMs'>,
  startedAtEpochMs: number,
): Promise<OpenedRun> {
  const journal = await reopenJournal(join(folder, JOURNAL_FILE), journalBytes);
  await orClose(journal, async () => {
    // The sessions that run.json is about to count must be on disk.
    await journal.sync();
    await recordResume(folder, { settings, scenario, sessions, fleetDigest: fleet.digest });
    // Before the session is in the journal: the old results do not include it.
    await withdrawResults(folder);
    await syncFolder(folder);
  });
  return {
    folder,
    journal,
    session: sessions + 1,
    startedAtEpochMs,
    runStartedAtEpochMs: runStartedAtEpochMs ?? startedAtEpochMs,
    unlock: () => {},
  };
}

function newRunFile(request: RunRequest, preflight: PreflightFacts, startedAtEpochMs: number): NewRunFile {
  const { scenario, settings, target, version } = request;
  return {
    version: RUN_FILE_VERSION,
    dpsloadVersion: version,
    startedAt: new Date(startedAtEpochMs).toISOString(),
    target,
    fleet: fleetRecord(request),
    selectionPins: request.selection.pins,
    settings,
    scenario,
    preflight,
    machine: machineFacts(),
  };
}
