import { join } from 'node:path';
import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import { type EndReason, JOURNAL_VERSION, type SessionRecord, type TargetName } from '../journal/journal-record.ts';
import { createJournal, type JournalWriter } from '../journal/journal-writer.ts';
import { targetKey } from '../journal/target-key.ts';
import { targetLabel } from '../journal/target-label.ts';
import { steadyRatePerSecond } from '../load/load-shape.ts';
import { printThreshold } from '../metrics/threshold/print-threshold.ts';
import { dialler } from '../mqtt/dialler.ts';
import { mqttJsConnections } from '../mqtt/mqtt-js-connection.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import { PERMIT_LAPSE_MS } from '../registration/registration-policy.ts';
import type { Summary } from '../report/summary.ts';
import { fleetRulesOf } from '../scenario/fleet-rules-of.ts';
import { meteredPerMinute } from '../scenario/load-risks.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Clock } from '../time/clock.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import type { WorkerSetup } from '../worker/worker-messages.ts';
import { firstDeviceIdentity } from './first-device.ts';
import { FleetRun } from './fleet-run.ts';
import { machineFacts } from './machine-facts.ts';
import { type PreflightFacts, preflight } from './preflight.ts';
import { writeRejectedRows } from './rejected-rows.ts';
import type { RowSelection } from './row-selection.ts';
import type { FleetRunEnd } from './run-ending.ts';
import { createRunFolder, findEarlierRun, JOURNAL_FILE, writeRunFile } from './run-folder.ts';
import type { RunListener } from './run-listener.ts';
import { sessionLegs } from './session-legs.ts';
import type { StopRequests } from './stop-request.ts';
import { neverConnectedRule } from './stop-rule.ts';
import { markSurprise, surpriseRule } from './surprise-rule.ts';
import { thresholdRule } from './threshold-rule.ts';
import { REGISTRATION_WORKER } from './worker-pool.ts';
import { writeResults } from './write-results.ts';
import { refuseWrongClock } from './wrong-clock.ts';

/** Version of the shape of run.json. */
const RUN_FILE_VERSION = 1;

export type RunRequest = {
  readonly scenario: Scenario;
  readonly survey: FleetSurvey;
  readonly selection: RowSelection;
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
};

export type RunEnd = {
  readonly folder: string;
  readonly reason: EndReason;
  readonly message: string | null;
  /** `null` when the user wanted to stop at once: `report` makes it from the journal. */
  readonly summary: Summary | null;
};

/**
 * Registers a fleet and leaves the run's folder behind.
 * @throws OperatorError when nothing can be started: `usage` (out folder, repeated run), `unreachable` (target), `local` (disk).
 */
export async function runFleet(request: RunRequest): Promise<RunEnd> {
  const { scenario } = request;
  if (!request.again) refuseRepeatedRun(request);
  const clockOriginMs = hrtimeMs();
  const clock = systemClock(clockOriginMs);
  const setup = workerSetup(request, clockOriginMs);
  const preflightFacts = await connectAsFirstDevice(request, setup, clock);
  const startedAtEpochMs = clock.epochMs() - clock.nowMs();
  const folder = createRunFolder(scenario.out, scenario.name ?? scenario.fleet.file, clock.epochMs());
  writeRunFile(folder, runFacts(request, preflightFacts, startedAtEpochMs));
  await writeRejectedRows(folder, scenario.fleet, fleetRulesOf(scenario), request.survey);
  const journal = await createJournal(join(folder, JOURNAL_FILE));
  journal.append(sessionRecord(request, startedAtEpochMs));
  const end = await runSession(request, setup, clock, journal, startedAtEpochMs);
  const summary = end.atOnce ? null : await writeResults(folder, { fleet: scenario.fleet });
  return { folder, reason: end.reason, message: end.message, summary };
}

async function runSession(
  request: RunRequest,
  setup: WorkerSetup,
  clock: Clock,
  journal: JournalWriter,
  startedAtEpochMs: number,
): Promise<FleetRunEnd> {
  const { scenario, selection, survey } = request;
  const { load } = scenario;
  const run = new FleetRun({
    clock,
    legs: sessionLegs(load, selection, () => readFleet(scenario.fleet, survey)),
    mark: (outcome) => markSurprise(outcome, scenario.expectation, startedAtEpochMs),
    rules: [neverConnectedRule(), surpriseRule(scenario.expectation), thresholdRule(scenario.thresholds)],
    journal,
    workerFile: REGISTRATION_WORKER,
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

async function connectAsFirstDevice(
  { scenario, survey, target, keys }: RunRequest,
  setup: WorkerSetup,
  clock: Clock,
): Promise<PreflightFacts> {
  const { idScope } = target;
  const made = await firstDeviceIdentity({ scenario, survey, idScope, keys, userAgent: setup.userAgent }, clock);
  if ('refusal' in made) return { tcpMs: null, tlsMs: null, connackMs: null, failureCode: made.refusal.code };
  const open = mqttJsConnections(dialler(setup), clock);
  const facts = await preflight(targetLabel(target), made.identity, open, clock);
  if (facts.failureCode === 'connack-5') await refuseWrongClock(setup, clock);
  return facts;
}

function refuseRepeatedRun({ scenario, survey, target }: RunRequest): void {
  const earlier = findEarlierRun(scenario.out, survey.digest, targetKey(target));
  if (earlier === null) return;
  throw new OperatorError('usage', [
    problem(
      `this fleet was registered with ${targetLabel(target)} before: ${earlier}`,
      'Give --again to register it once more, or another folder with --out DIR',
    ),
  ]);
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

function sessionRecord({ scenario, survey, target, version }: RunRequest, startedAtEpochMs: number): SessionRecord {
  const { load } = scenario;
  return {
    kind: 'session',
    version: JOURNAL_VERSION,
    session: 1,
    dpsloadVersion: version,
    startedAtEpochMs,
    name: scenario.name,
    target,
    apiVersion: scenario.apiVersion,
    attestation: scenario.attestation.kind,
    fleet: {
      file: survey.file,
      digest: survey.digest,
      bytes: survey.bytes,
      rows: survey.rows,
      rejectedRows: survey.rejectedRows,
      otherColumns: survey.otherColumns,
    },
    rowsMax: load.rowsMax,
    rounds: load.rounds,
    workers: load.workers,
    concurrency: load.concurrency,
    ratePerSecond: steadyRatePerSecond(load.shape),
    thresholds: scenario.thresholds.map(printThreshold),
    allowLimited: scenario.allowLimited,
    allocation: scenario.allocation,
    region: scenario.region,
    listsLeftBehind: scenario.listsLeftBehind,
  };
}

/** What run.json holds. The scenario names its secrets and holds none. */
function runFacts(request: RunRequest, preflightFacts: PreflightFacts, startedAtEpochMs: number): object {
  const { scenario, target, version } = request;
  const { rejectedLines, ...fleet } = request.survey;
  return {
    version: RUN_FILE_VERSION,
    dpsloadVersion: version,
    startedAt: new Date(startedAtEpochMs).toISOString(),
    targetKey: targetKey(target),
    target,
    fleet,
    scenario,
    preflight: preflightFacts,
    machine: machineFacts(),
  };
}
