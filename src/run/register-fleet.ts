import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import { type EndReason, JOURNAL_VERSION, type SessionRecord } from '../journal/journal-record.ts';
import { createJournal, type JournalWriter, reopenJournal, syncFolder } from '../journal/journal-writer.ts';
import { isLeftToDo, type RetryChoice } from '../journal/resume-decision.ts';
import { type TargetName, targetLabel } from '../journal/target-name.ts';
import { steadyRatePerSecond } from '../load/pace.ts';
import { printThreshold } from '../metrics/threshold/parse-threshold.ts';
import { dialler } from '../mqtt/dialler.ts';
import { mqttJsConnections } from '../mqtt/mqtt-js-connection.ts';
import { firstDeviceIdentity, type PreflightFacts, preflight } from '../preflight/first-device.ts';
import { refuseWrongClock } from '../preflight/service-clock.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { PERMIT_LAPSE_MS } from '../registration/registration-policy.ts';
import type { Summary } from '../report/summary.ts';
import { withdrawResults } from '../results/result-files.ts';
import { writeResults } from '../results/write-results.ts';
import { refuseRepeatedRun, refuseTwinRun } from '../run-folder/earlier-runs.ts';
import { type UsableFleet, writeRejectedRows } from '../run-folder/rejected-rows.ts';
import {
  machineFacts,
  type NewRunFile,
  RUN_FILE_VERSION,
  type RunFile,
  recordResume,
  writeRunFile,
} from '../run-folder/run-file.ts';
import { createRunFolder, JOURNAL_FILE } from '../run-folder/run-folder.ts';
import { lockRunFolder } from '../run-folder/run-lock.ts';
import { meteredPerMinute } from '../scenario/read/load-risks.ts';
import { fleetRulesOf, type Scenario } from '../scenario/scenario.ts';
import type { RowSelection } from '../selection/row-selection.ts';
import type { SessionWork } from '../selection/session-rows.ts';
import type { Clock } from '../time/clock.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import type { WorkerSetup } from '../worker/worker-messages.ts';
import type { StartWorkerPool } from '../worker/worker-pool.ts';
import type { InterruptedRun } from './interrupted-run.ts';
import type { RunListener } from './run-listener.ts';
import { RunSession } from './session.ts';
import type { SessionEnd } from './session-ending.ts';
import { StoppedBeforeStart, type StopRequests, stopRequested } from './stop-request.ts';
import { markSurprise, neverConnectedRule, surpriseRule, thresholdRule } from './stop-rules.ts';
import { sessionWaves } from './waves.ts';

export type RunRequest = {
  readonly scenario: Scenario;
  /** The keys of a scenario file that gives the same run: what a resumed run goes by. */
  readonly settings: RunFile['settings'];
  readonly fleet: UsableFleet;
  readonly selection: RowSelection;
  /** The run that this one goes on with; its folder is locked. `null` = a new one. */
  readonly resumed: ResumedRun | null;
  readonly target: TargetName;
  /** Certificates that add to the system's roots. */
  readonly caPems: readonly string[];
  readonly keys: AttestationKeys;
  /** Of dpsload. */
  readonly version: string;
  /** Of the embedded emulator, whose CPU time is told apart. */
  readonly emulatorPid: number | null;
  /** Register a fleet again that was registered under the same out folder. */
  readonly again: boolean;
  readonly stopRequests: StopRequests;
  readonly listener: RunListener;
  readonly startPool: StartWorkerPool;
};

export type ResumedRun = {
  readonly run: InterruptedRun;
  readonly retry: RetryChoice;
  /** What the operator chose for this session, and must say again to go on with it: it is no setting of the run. */
  readonly switches: readonly string[];
};

export type RunEnd = {
  readonly folder: string;
  readonly reason: EndReason;
  readonly message: string | null;
  /** `null` when the user wanted to stop at once, perhaps while it was made: `report` makes it from the journal. */
  readonly summary: Summary | null;
};

/**
 * Registers a fleet and leaves the run's folder behind.
 * @throws OperatorError when nothing can be started: `usage` (out folder, repeated run), `unreachable` (target), `local` (disk).
 * @throws StoppedBeforehand when the user stops it before that.
 */
export async function registerFleet(request: RunRequest): Promise<RunEnd> {
  const { resumed } = request;
  if (resumed === null && !request.again) refuseRepeatedRun(plannedRun(request));
  const clockOriginMs = hrtimeMs();
  const clock = systemClock(clockOriginMs);
  const setup = workerSetup(request, clockOriginMs);
  const stopped = stopRequested(request.stopRequests).then(({ reason }) => {
    throw new StoppedBeforeStart(reason);
  });
  const preflightFacts = await Promise.race([connectAsFirstDevice(request, setup, clock), stopped]);
  const startedAtEpochMs = clock.epochMs() - clock.nowMs();
  const opened =
    resumed === null
      ? await beginRun(request, preflightFacts, startedAtEpochMs)
      : await goOnWithRun(request, resumed.run, startedAtEpochMs);
  try {
    const end = await runSession(request, setup, clock, opened, startedAtEpochMs);
    return await withResults(end, opened.folder, request);
  } finally {
    opened.unlock();
  }
}

/** The results of a large fleet take a while to write: who wants to stop at once need not wait for them. */
async function withResults(
  { atOnce, message, reason }: SessionEnd,
  folder: string,
  { scenario, stopRequests }: RunRequest,
): Promise<RunEnd> {
  if (atOnce) return { folder, reason, message, summary: null };
  const results = writeResults(folder, { fleet: scenario.fleet });
  const stopped = stopRequested(stopRequests, 'at-once');
  return await Promise.race([
    results.then((summary) => ({ folder, reason, message, summary })),
    stopped.then((request) => ({ folder, reason: request.reason, message: null, summary: null })),
  ]);
}

/** A run whose next session can begin. */
type OpenedRun = {
  readonly folder: string;
  readonly journal: JournalWriter;
  /** 1-based. */
  readonly session: number;
  readonly runStartedAtEpochMs: number;
  unlock(): void;
};

async function beginRun(
  request: RunRequest,
  preflightFacts: PreflightFacts,
  startedAtEpochMs: number,
): Promise<OpenedRun> {
  const { scenario } = request;
  const folder = createRunFolder(scenario, startedAtEpochMs);
  const unlock = lockRunFolder(folder);
  try {
    await writeRejectedRows(folder, scenario.fleet, fleetRulesOf(scenario), request.fleet);
    const journal = await createJournal(join(folder, JOURNAL_FILE));
    // The last: with it, the folder is a run that can go on.
    writeRunFile(folder, runFacts(request, preflightFacts, startedAtEpochMs));
    await syncFolder(folder);
    await syncFolder(scenario.out);
    if (!request.again) await withdrawFromTwin(request, folder, journal);
    return { folder, journal, session: 1, runStartedAtEpochMs: startedAtEpochMs, unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** @throws OperatorError when another run does the same; nothing is left of this one then, of which nothing was sent. */
async function withdrawFromTwin(request: RunRequest, folder: string, journal: JournalWriter): Promise<void> {
  try {
    refuseTwinRun(plannedRun(request), folder);
  } catch (error) {
    await journal.close();
    rmSync(folder, { recursive: true });
    throw error;
  }
}

async function goOnWithRun(
  { fleet, scenario, settings }: RunRequest,
  run: InterruptedRun,
  startedAtEpochMs: number,
): Promise<OpenedRun> {
  const journal = await reopenJournal(join(run.folder, JOURNAL_FILE), run.journalBytes);
  // All that run.json is going to tell of.
  await journal.sync();
  // What was changed holds for the next session too, also when this one is killed.
  await recordResume(run.folder, { settings, scenario, sessions: run.sessions, fleetDigest: fleet.digest });
  // Before the session is in the journal, of which they tell nothing.
  await withdrawResults(run.folder);
  await syncFolder(run.folder);
  return {
    folder: run.folder,
    journal,
    session: run.sessions + 1,
    runStartedAtEpochMs: run.startedAtEpochMs ?? startedAtEpochMs,
    unlock: () => {},
  };
}

async function runSession(
  request: RunRequest,
  setup: WorkerSetup,
  clock: Clock,
  { journal, session, runStartedAtEpochMs }: OpenedRun,
  startedAtEpochMs: number,
): Promise<SessionEnd> {
  const { scenario, selection } = request;
  const { load, expectation } = scenario;
  journal.append(sessionRecord(request, session, startedAtEpochMs));
  const run = new RunSession({
    clock,
    waves: sessionWaves(workOf(request)),
    mark: (outcome) => markSurprise(markPossiblyTwice(outcome, request.resumed), expectation, runStartedAtEpochMs),
    rules: [neverConnectedRule(), surpriseRule(expectation), thresholdRule(scenario.thresholds)],
    journal,
    startPool: request.startPool,
    setup,
    load: { ...load, sharePerMinute: meteredPerMinute(scenario) },
    limited: load.rowsMax !== null && load.rowsMax < selection.rows,
    emulatorPid: request.emulatorPid,
    stopRequests: request.stopRequests,
    listener: request.listener,
  });
  try {
    const end = await run.run();
    journal.append({ kind: 'end', atMs: clock.nowMs(), reason: end.reason, message: end.message });
    return end;
  } finally {
    await journal.close();
  }
}

/** What the session registers: everything, or what earlier ones left to do. */
export function workOf({
  scenario,
  fleet,
  selection,
  resumed,
}: Pick<RunRequest, 'scenario' | 'fleet' | 'selection' | 'resumed'>): SessionWork {
  return {
    load: scenario.load,
    selection,
    openFleet: () => readFleet(scenario.fleet, fleet),
    possiblySent: resumed?.run.index ?? null,
    isLeft: (row, round, isCanary) =>
      resumed === null || isLeftToDo(resumed.run.index.progressOf(row, round), resumed.retry, isCanary),
  };
}

function markPossiblyTwice(outcome: RegistrationOutcome, resumed: ResumedRun | null): RegistrationOutcome {
  if (resumed === null || !resumed.run.index.wasPossiblySent(outcome.row, outcome.round)) return outcome;
  return { ...outcome, possiblyTwice: true };
}

async function connectAsFirstDevice(
  { scenario, fleet, target, keys }: RunRequest,
  setup: WorkerSetup,
  clock: Clock,
): Promise<PreflightFacts> {
  const { idScope } = target;
  const made = await firstDeviceIdentity({ scenario, fleet, idScope, keys, userAgent: setup.userAgent }, clock);
  if ('refusal' in made) return { tcpMs: null, tlsMs: null, connackMs: null, failureCode: made.refusal.code };
  const open = mqttJsConnections(dialler(setup), clock);
  const facts = await preflight(targetLabel(target), made.identity, open, clock);
  if (facts.failureCode === 'connack-5') await refuseWrongClock(setup, clock);
  return facts;
}

function plannedRun({ scenario, fleet, target }: RunRequest) {
  return { out: scenario.out, digest: fleet.digest, target };
}

function workerSetup({ scenario, target, caPems, keys, version }: RunRequest, clockOriginMs: number): WorkerSetup {
  const { load } = scenario;
  const needsPermits = load.governor || meteredPerMinute(scenario) !== null;
  return {
    clockOriginMs,
    host: target.host,
    port: target.port,
    idScope: target.idScope,
    caPems,
    transport: scenario.transport,
    tls: scenario.tls,
    apiVersion: scenario.apiVersion,
    userAgent: `dpsload/${version}`,
    keys,
    policy: { ...scenario.registration, permitLapseMs: needsPermits ? PERMIT_LAPSE_MS : null },
    seed: scenario.seed,
  };
}

function sessionRecord(
  { scenario, fleet, target, version }: RunRequest,
  session: number,
  startedAtEpochMs: number,
): SessionRecord {
  const { load } = scenario;
  return {
    kind: 'session',
    version: JOURNAL_VERSION,
    session,
    dpsloadVersion: version,
    startedAtEpochMs,
    name: scenario.name,
    target,
    apiVersion: scenario.apiVersion,
    attestation: scenario.attestation.kind,
    fleet: fleetFacts(fleet),
    rowsMax: load.rowsMax,
    rounds: load.rounds,
    workers: load.workers,
    concurrency: load.concurrency,
    loadShape: load.shape.kind,
    ratePerSecond: steadyRatePerSecond(load.shape),
    thresholds: scenario.thresholds.map(printThreshold),
    allowLimited: scenario.allowLimited,
    allocation: scenario.allocation,
    region: scenario.region,
    listsLeftBehind: scenario.listsLeftBehind,
  };
}

/** What is told of it; the lines that were left out are a file of their own. */
function fleetFacts({ file, digest, bytes, rows, rejectedRows, otherColumns }: UsableFleet): SessionRecord['fleet'] {
  return { file, digest, bytes, rows, rejectedRows, otherColumns };
}

/** What run.json holds. The scenario names its secrets and holds none. */
function runFacts(request: RunRequest, preflightFacts: PreflightFacts, startedAtEpochMs: number): NewRunFile {
  const { scenario, settings, target, version } = request;
  return {
    version: RUN_FILE_VERSION,
    dpsloadVersion: version,
    startedAt: new Date(startedAtEpochMs).toISOString(),
    target,
    fleet: fleetFacts(request.fleet),
    selectionPins: request.selection.pins,
    settings,
    scenario,
    preflight: preflightFacts,
    machine: machineFacts(),
  };
}
