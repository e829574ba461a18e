import { resultColumns } from '../fleet/result-columns.ts';
import {
  type EndReason,
  JOURNAL_VERSION,
  SELECTION_RANGES_MAX,
  type SessionRecord,
} from '../journal/journal-record.ts';
import type { JournalWriter } from '../journal/journal-writer.ts';
import { targetLabel } from '../journal/target-name.ts';
import { steadyRatePerSecond } from '../load/pace.ts';
import { printThreshold } from '../metrics/threshold/parse-threshold.ts';
import { type HostAddresses, targetAddresses } from '../mqtt/host-addresses.ts';
import { serviceConversations } from '../mqtt/service-conversations.ts';
import { firstDeviceIdentity, type PreflightFacts, preflight } from '../preflight/first-device.ts';
import { refuseWrongClock } from '../preflight/service-clock.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { reachedPlannedEnd, type Summary } from '../report/summary.ts';
import { refuseRepeatedRun } from '../run-folder/earlier-runs.ts';
import { machineFacts } from '../run-folder/run-file.ts';
import { meteredPerMinute } from '../scenario/read/load-risks.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { type RowRange, type SessionWork, selectedRanges, selectedRows } from '../selection/session-rows.ts';
import type { Clock } from '../time/clock.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import type { WorkerSetup } from '../worker/worker-messages.ts';
import type { StartWorkerPool } from '../worker/worker-pool.ts';
import { refuseUnplacedAgents } from './agent-regions.ts';
import { beginRun, type OpenedRun, plannedRun, reopenRun } from './open-run.ts';
import { pinChoiceOf } from './pin-rows.ts';
import { fleetRecord, type ResumedRun, type RunRequest, workOf } from './run-request.ts';
import { RunSession, type RunSessionParts } from './session.ts';
import type { SessionEnd } from './session-ending.ts';
import { StoppedBeforeStart, stopRequested } from './stop-request.ts';
import { markSurprise, neverConnectedRule, surpriseRule, thresholdRule } from './stop-rules.ts';
import { sessionWaves } from './waves.ts';
import { workerSetup } from './worker-setup.ts';

export type RunEnd = {
  readonly folder: string;
  readonly reason: EndReason;
  readonly message: string | null;
  /** `null` when the operator stopped at once, possibly while it was being made: `report` makes it from the journal. */
  readonly summary: Summary | null;
};

/**
 * Registers a fleet, or the part of it that an interrupted run left, and writes the run's folder.
 *
 * @throws OperatorError when nothing can be started: `usage` (out folder, repeated run), `unreachable` (target), `local` (disk)
 * @throws StoppedBeforeStart when the operator stops it before that
 */
export async function registerFleet(request: RunRequest): Promise<RunEnd> {
  const { again, resumed } = request;
  const breakdowns = breakdownsOf(request);
  refuseUnplacedAgents(request);
  const pins = await pinChoiceOf(request);
  if (resumed === null && !again) refuseRepeatedRun(plannedRun(request));
  const clockOriginMs = hrtimeMs();
  const clock = systemClock(clockOriginMs);
  const addresses = targetAddresses(request.target, request.scenario.nameResolution);
  if (request.scenario.nameResolution.cacheMs !== null) await unlessStopped(request, addresses.refresh());
  const setup = workerSetup(request, clockOriginMs, addresses);
  const preflightFacts = await unlessStopped(request, connectAsFirstDevice(request, setup, clock));
  const startedAtEpochMs = clock.epochMs() - clock.nowMs();
  const run =
    resumed === null
      ? await beginRun(request, preflightFacts, startedAtEpochMs)
      : await reopenRun(request, resumed.run, startedAtEpochMs);
  try {
    run.journal.append({ ...sessionRecord(request, run, preflightFacts), breakdowns });
    const pinned = { ...request, pins, startPool: withFreshAddresses(request, addresses) };
    const end = await runSession(pinned, run, setup, clock);
    return await withResults(request, run.folder, await withHubChecks(request, run, end));
  } finally {
    addresses.stop();
    run.unlock();
  }
}

async function unlessStopped<Value>({ stopRequests }: RunRequest, work: Promise<Value>): Promise<Value> {
  const stopped = stopRequested(stopRequests).then(({ reason }) => {
    throw new StoppedBeforeStart(reason);
  });
  return await Promise.race([work, stopped]);
}

async function connectAsFirstDevice(
  { scenario, fleet, target, keys }: RunRequest,
  setup: WorkerSetup,
  clock: Clock,
): Promise<PreflightFacts> {
  const { idScope } = target;
  const made = await firstDeviceIdentity({ scenario, fleet, idScope, keys, userAgent: setup.userAgent }, clock);
  if ('refusal' in made)
    return { tcpMs: null, tlsMs: null, connackMs: null, tlsVersion: null, failureCode: made.refusal.code };
  const open = await serviceConversations(setup, clock);
  const facts = await preflight(targetLabel(target), made.identity, open, clock);
  if (facts.failureCode === 'connack-5') await refuseWrongClock(setup, clock);
  return facts;
}

async function runSession(
  request: RunRequest & Pick<RunSessionParts, 'pins'>,
  run: OpenedRun,
  setup: WorkerSetup,
  clock: Clock,
): Promise<SessionEnd> {
  const { scenario, fleet, selection, resumed } = request;
  const { load, expectation } = scenario;
  const { journal } = run;
  const work = workOf(request);
  if (selectedRows(work) < fleet.rows) await writeSelection(work, journal);
  const session = new RunSession({
    clock,
    waves: sessionWaves(work),
    mark: (outcome) => markSurprise(markPossiblyTwice(outcome, resumed), expectation, run.runStartedAtEpochMs),
    rules: [neverConnectedRule(), surpriseRule(expectation), thresholdRule(scenario.thresholds, fleet.rejectedRows)],
    journal,
    startPool: request.startPool,
    setup,
    load: { ...load, sharePerMinute: meteredPerMinute(scenario) },
    pins: request.pins,
    limited: load.rowsMax !== null && load.rowsMax < selection.rows,
    emulatorPid: request.emulatorPid,
    stopRequests: request.stopRequests,
    listener: request.listener,
  });
  try {
    const end = await session.run();
    journal.append({ kind: 'end', atMs: clock.nowMs(), reason: end.reason, message: end.message });
    return end;
  } finally {
    await journal.close();
  }
}

/** Before the first grant: without them, nobody could tell a row that was not selected from one that never started. */
async function writeSelection(work: SessionWork, journal: JournalWriter): Promise<void> {
  let rows: RowRange[] = [];
  for await (const range of selectedRanges(work)) {
    rows.push(range);
    if (rows.length < SELECTION_RANGES_MAX) continue;
    journal.append({ kind: 'selection', rows });
    await journal.flush();
    rows = [];
  }
  if (rows.length > 0) journal.append({ kind: 'selection', rows });
}

/** A run that ended early is not complete: the session that completes it checks the hubs. */
async function withHubChecks(
  { checkHubs, listener }: RunRequest,
  { folder, startedAtEpochMs }: OpenedRun,
  end: SessionEnd,
): Promise<SessionEnd> {
  if (checkHubs === null) return end;
  if (!reachedPlannedEnd(end)) {
    listener.notice('The hub check waits until the run is completed.');
    return end;
  }
  const reason = await checkHubs(folder, startedAtEpochMs);
  return reason === 'interrupted' || reason === 'terminated' ? { ...end, reason } : end;
}

/** The results of a large fleet take a while to write; an operator who wants to stop at once need not wait for them. */
async function withResults(
  { scenario, stopRequests }: RunRequest,
  folder: string,
  { atOnce, message, reason }: SessionEnd,
): Promise<RunEnd> {
  if (atOnce) return { folder, reason, message, summary: null };
  const stopped = stopRequested(stopRequests, 'at-once');
  // What writes results would delay the first device: it loads when the last one is settled.
  const loading = import('../results/write-results.ts');
  const results = loading.then(({ writeResults }) => writeResults(folder, { fleet: scenario.fleet }));
  return await Promise.race([
    results.then((summary) => ({ folder, reason, message, summary })),
    stopped.then((request) => ({ folder, reason: request.reason, message: null, summary: null })),
  ]);
}

function markPossiblyTwice(outcome: RegistrationOutcome, resumed: ResumedRun | null): RegistrationOutcome {
  if (resumed === null || !resumed.run.index.wasPossiblySent(outcome.row, outcome.round)) return outcome;
  return { ...outcome, possiblyTwice: true };
}

/** Tells the workers whenever the target's addresses change. */
function withFreshAddresses({ startPool, scenario }: RunRequest, addresses: HostAddresses): StartWorkerPool {
  const { cacheMs } = scenario.nameResolution;
  if (cacheMs === null) return startPool;
  return (request, events) => {
    const pool = startPool(request, events);
    addresses.keepFresh(request.clock, cacheMs, (changed) => pool.sendAll({ type: 'addresses', addresses: changed }));
    return pool;
  };
}

function sessionRecord(
  request: RunRequest,
  { session, startedAtEpochMs }: OpenedRun,
  preflightFacts: PreflightFacts,
): Omit<SessionRecord, 'breakdowns'> {
  const { scenario, target, version } = request;
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
    fleet: fleetRecord(request),
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
    measuresStalls: true,
    selectedRows: selectedRows(workOf(request)),
    notes: scenario.notes,
    csvFor: scenario.csvFor,
    setup: setupOf(scenario, preflightFacts),
    agents: request.agents,
  };
}

/** @throws OperatorError `usage` for a name that is neither a column nor a label of an agent */
function breakdownsOf({ scenario, fleet, agents }: RunRequest): readonly string[] {
  const labels = agents.flatMap((agent) => Object.keys(agent.labels));
  const { otherColumns } = fleet;
  return resultColumns(scenario.fleet, { names: scenario.breakdowns, knownColumns: null, otherColumns, labels });
}

function setupOf(
  { load, tls, transport, mqttClient, registration }: Scenario,
  { tlsVersion }: PreflightFacts,
): SessionRecord['setup'] {
  const { shape, governor } = load;
  return {
    stages: shape.kind === 'stages' ? shape.stages : [],
    batch: shape.kind === 'batches' ? { size: shape.size, everyMs: shape.everyMs } : null,
    transport,
    mqttClient,
    tlsVersionMin: tls.versionMin,
    tlsVersionMax: tls.versionMax,
    tlsVersion,
    pollDelayMs: registration.pollDelayDefaultMs,
    pollDelayMinMs: registration.pollDelayMinMs,
    governor,
    ...machineFacts(),
  };
}
