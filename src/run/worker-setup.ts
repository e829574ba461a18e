import type { HostAddresses } from '../mqtt/host-addresses.ts';
import { PERMIT_LAPSE_MS } from '../registration/registration-policy.ts';
import { meteredPerMinute } from '../scenario/read/load-risks.ts';
import type { WorkerSetup } from '../worker/worker-messages.ts';
import type { RunRequest } from './run-request.ts';

/**
 * What a worker needs to register devices as the scenario says.
 *
 * @param clockOriginMs `hrtimeMs()` at time 0 of the clock that the worker shares
 */
export function workerSetup(
  { scenario, target, caPems, keys, version }: Pick<RunRequest, 'scenario' | 'target' | 'caPems' | 'keys' | 'version'>,
  clockOriginMs: number,
  addresses: HostAddresses,
): WorkerSetup {
  const needsPermits = scenario.load.governor || meteredPerMinute(scenario) !== null;
  return {
    clockOriginMs,
    host: target.host,
    port: target.port,
    idScope: target.idScope,
    caPems,
    // A worker that takes the place of a lost one starts with the newest.
    get addresses() {
      return addresses.current;
    },
    transport: scenario.transport,
    mqttClient: scenario.mqttClient,
    tls: scenario.tls,
    apiVersion: scenario.apiVersion,
    userAgent: `dpsload/${version}`,
    keys,
    policy: { ...scenario.registration, permitLapseMs: needsPermits ? PERMIT_LAPSE_MS : null },
    seed: scenario.seed,
  };
}
