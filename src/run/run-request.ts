import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { HubEndReason } from '../journal/hub-check-record.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { isLeftToDo, type RetryChoice } from '../journal/resume-decision.ts';
import type { TargetName } from '../journal/target-name.ts';
import type { SettledBefore } from '../metrics/progress.ts';
import type { UsableFleet } from '../run-folder/rejected-rows.ts';
import type { RunFile } from '../run-folder/run-file.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { RowSelection } from '../selection/row-selection.ts';
import { canaryOf, type SessionWork } from '../selection/session-rows.ts';
import type { StartWorkerPool } from '../worker/worker-pool.ts';
import type { InterruptedRun } from './interrupted-run.ts';
import type { RunListener } from './run-listener.ts';
import type { StopRequests } from './stop-request.ts';

/** Everything that one session of a run needs, read and checked. */
export type RunRequest = {
  readonly scenario: Scenario;
  /** The keys of a scenario file that gives the same run: a resumed run starts from them. */
  readonly settings: RunFile['settings'];
  readonly fleet: UsableFleet;
  readonly selection: RowSelection;
  /** The run to resume; its folder is locked. `null` = a new run. */
  readonly resumed: ResumedRun | null;
  readonly target: TargetName;
  /** The folder to create for a new run; `null` = one under the scenario's, named for its start. */
  readonly folder: string | null;
  /** Certificates that add to the system's roots. */
  readonly caPems: readonly string[];
  readonly keys: AttestationKeys;
  /** Version of dpsload. */
  readonly version: string;
  /** The embedded emulator, whose CPU time is reported separately; `null` = there is no emulator. */
  readonly emulatorPid: number | null;
  /** Register the fleet even if a run under the same out folder already did. */
  readonly again: boolean;
  /** Checks devices at their hubs, once all are registered; `null` = the run ends before. */
  readonly checkHubs: CheckHubsOfRun | null;
  readonly stopRequests: StopRequests;
  readonly listener: RunListener;
  readonly startPool: StartWorkerPool;
  /** That host its workers as the session begins; none = they are threads of this machine. */
  readonly agents: SessionRecord['agents'];
};

/** @param sessionStartedAtEpochMs wall clock at the start of this session */
export type CheckHubsOfRun = (folder: string, sessionStartedAtEpochMs: number) => Promise<HubEndReason>;

export type ResumedRun = {
  readonly run: InterruptedRun;
  readonly retry: RetryChoice;
  /** Options that hold for this session alone; to continue with them, the operator must repeat them. */
  readonly switches: readonly string[];
};

/** What the session registers: everything, or what earlier sessions left. */
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

/** What earlier sessions settled and this one does not repeat. */
export function settledBefore({
  scenario,
  selection,
  resumed,
}: Pick<RunRequest, 'scenario' | 'selection' | 'resumed'>): SettledBefore {
  const before = { settled: 0, assigned: 0, failed: 0 };
  if (resumed === null) return before;
  const { index } = resumed.run;
  const canary = new Set(canaryOf({ load: scenario.load, selection }).map(({ row }) => row));
  for (let row = 0; row < index.rows; row += 1) {
    for (let round = 1; round <= index.rounds; round += 1) {
      const state = index.progressOf(row, round);
      if (isLeftToDo(state, resumed.retry, round === 1 && canary.has(row))) continue;
      before.settled += 1;
      before[state === 'assigned' ? 'assigned' : 'failed'] += 1;
    }
  }
  return before;
}

/** The fleet as run.json and the journal record it; a survey knows more. */
export function fleetRecord({ fleet }: Pick<RunRequest, 'fleet'>): SessionRecord['fleet'] {
  const { file, digest, bytes, rows, rejectedRows, otherColumns } = fleet;
  return { file, digest, bytes, rows, rejectedRows, otherColumns };
}
