import { dpsloadVersion } from '../../files/dpsload-version.ts';
import type { FleetRow } from '../../fleet/fleet-row.ts';
import { readFleet } from '../../fleet/read-fleet.ts';
import type { FleetSurvey } from '../../fleet/survey-fleet.ts';
import type { CheckReport } from '../../preflight/check-run.ts';
import { withTried } from '../../preflight/try-findings.ts';
import type { RunRequest } from '../../run/run-request.ts';
import type { StopRequest } from '../../run/stop-request.ts';
import { tryDevices } from '../../run/try-devices.ts';
import { Canary } from '../../selection/canary.ts';
import { rowTaker } from '../../selection/session-rows.ts';
import { withThrowAwayKey } from '../host/embedded-emulator.ts';
import { listenForSignals } from '../host/stop-signals.ts';
import { confirmTrial } from '../view/confirm-risks.ts';
import { type Endpoint, openEndpoint } from './open-endpoint.ts';

export type TrialRequest = Pick<RunRequest, 'scenario' | 'selection' | 'keys' | 'caPems'> & {
  readonly survey: FleetSurvey;
  readonly perGroup: number;
  /** The operator has confirmed on the command line. */
  readonly yes: boolean;
};

export type TrialEnd = {
  readonly report: CheckReport;
  /** `null` = it was not stopped. */
  readonly stoppedBy: StopRequest['reason'] | null;
};

/** Registers the first devices of each group that the run takes, and adds to the report what that proves. */
export async function tryForCheck(report: CheckReport, request: TrialRequest): Promise<TrialEnd> {
  const { scenario, yes } = request;
  const rows = await rowsToTry(request);
  await confirmTrial(
    scenario.target,
    { devices: rows.length, groups: new Set(rows.map(({ group }) => group)).size },
    yes,
  );
  const keys = withThrowAwayKey(scenario.target, request.keys);
  // Before the emulator starts: a signal must not leave it behind.
  const signals = listenForSignals();
  let endpoint: Endpoint | null = null;
  let stoppedBy: TrialEnd['stoppedBy'] = null;
  signals.onRequest(({ reason }) => {
    stoppedBy = reason;
  });
  try {
    endpoint = await openEndpoint(scenario, keys, request.caPems, null);
    const { target, caPems } = endpoint;
    const version = dpsloadVersion();
    const outcomes = await tryDevices({ scenario, target, caPems, keys, version, stopRequests: signals, rows });
    return { report: { ...report, ...withTried(report.findings, keys, rows, outcomes) }, stoppedBy };
  } finally {
    signals.dispose();
    await endpoint?.emulator?.stop();
  }
}

async function rowsToTry({ scenario, selection, survey, perGroup }: TrialRequest): Promise<readonly FleetRow[]> {
  const takes = rowTaker({ load: scenario.load, selection });
  const first = new Canary(perGroup);
  for await (const row of readFleet(scenario.fleet, survey)) if (takes(row)) first.offer(row);
  return first.rows;
}
