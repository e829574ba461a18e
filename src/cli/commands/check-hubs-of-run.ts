import type { AttestationKeys } from '../../attestation/attestation-keys.ts';
import type { CheckHubsOfRun } from '../../run/run-request.ts';
import type { StopRequests } from '../../run/stop-request.ts';
import type { UsableFleet } from '../../run-folder/rejected-rows.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import type { Endpoint } from './open-endpoint.ts';

type CheckedRun = {
  readonly scenario: Scenario;
  readonly fleet: UsableFleet;
  /** With a group key that was created for the run. */
  readonly keys: AttestationKeys;
  readonly endpoint: Pick<Endpoint, 'caPems' | 'emulator'>;
  readonly version: string;
  readonly stopRequests: StopRequests;
  readonly notice: (message: string) => void;
};

/** What checks the hubs of a run when its registrations have ended; `null` = nothing is to be checked. */
export function hubChecksOfRun({ scenario, endpoint, ...run }: CheckedRun): CheckHubsOfRun | null {
  const { hubCheck } = scenario;
  if (hubCheck === null) return null;
  const { caPems, emulator } = endpoint;
  return async (folder, sessionStartedAtEpochMs) => {
    // What checks hubs would delay the first device.
    const { checkHubs } = await import('../../hub-check/check-hubs.ts');
    const policy = { ...hubCheck, connectTo: emulator?.hubs ?? hubCheck.connectTo };
    // The embedded emulator began with this session, and knows no earlier device.
    const hubsSinceEpochMs = emulator === null ? null : sessionStartedAtEpochMs;
    return await checkHubs({ ...run, folder, scenario, caPems, policy, hubsSinceEpochMs });
  };
}
