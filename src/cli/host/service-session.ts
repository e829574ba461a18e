import { serviceEndpoint } from '../../dps/service-connection.ts';
import type { Problem } from '../../problem/operator-error.ts';
import { OperatorError } from '../../problem/operator-error.ts';
import { type Flags, gatherSetting } from '../../scenario/read/gather-settings.ts';
import type { Environment } from '../../scenario/scenario.ts';
import type { ServiceClient } from '../../service-api/service-client.ts';
import { ServiceError } from '../../service-api/service-error.ts';
import { serviceUnavailable } from '../../service-api/service-problem.ts';
import type { Clock } from '../../time/clock.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { gracefulStop, type Stop } from './graceful-stop.ts';
import { openService, readServiceAccess, type ServiceAccess, type ServiceAccessValues } from './service-access.ts';

export type ServiceSession = {
  readonly client: ServiceClient;
  readonly hostName: string;
  readonly clock: Clock;
  readonly isStopped: () => boolean;
};

/** The settings of a command that reaches the service API and reads no scenario. @throws OperatorError `usage` */
export async function serviceAccessOf(flags: Flags, environment: Environment): Promise<ServiceAccess> {
  const problems: Problem[] = [];
  const sources = { flags, environment };
  const values: ServiceAccessValues = {
    serviceConnectionFile: gatherSetting('serviceConnectionFile', sources, problems).value,
    operationsPerMinute: gatherSetting('operationsPerMinute', sources, problems).value,
    operationsShare: gatherSetting('operationsShare', sources, problems).value,
    ca: gatherSetting('ca', sources, problems).value,
    resolve: gatherSetting('resolve', sources, problems).value,
  };
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return await readServiceAccess(values, environment);
}

/**
 * Works at the service until the work ends, or the grace after a signal is over.
 *
 * @param about `permissions` that the work needs, as the portal names them; `onStopping` is called at the first signal
 * @returns what the work returned, `null` when it was cut off; and the signal, if there was one
 * @throws OperatorError `unreachable` when the service does not answer, or refuses
 */
export async function atService<Result>(
  access: ServiceAccess,
  { permissions, onStopping }: { readonly permissions: string; readonly onStopping: (by: Stop) => void },
  work: (session: ServiceSession) => Promise<Result>,
): Promise<{ readonly result: Result | null; readonly stop: Stop | null }> {
  const clock = systemClock(hrtimeMs());
  const { host: hostName } = serviceEndpoint(access.connection);
  const service = openService(access, clock);
  const stop = gracefulStop(clock, onStopping);
  try {
    const session = { client: service.client, hostName, clock, isStopped: () => stop.by() !== null };
    const result = await Promise.race([work(session), stop.graceOver]);
    return { result, stop: stop.by() };
  } catch (error) {
    throw error instanceof ServiceError ? serviceUnavailable(error, hostName, permissions) : error;
  } finally {
    stop.dispose();
    service.close();
  }
}
