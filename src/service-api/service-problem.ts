import { OperatorError, problem } from '../problem/operator-error.ts';
import type { ServiceError } from './service-error.ts';

/** By HTTP status: why the service refuses, as the remedy of whoever asked. */
const REMEDIES: Readonly<Record<number, string>> = {
  400: 'Correct what the message names',
  401: 'Check the connection string, the permissions of its policy, and the clock of this machine',
  403: 'Check the connection string, the permissions of its policy, and the IP filter of the DPS instance',
  404: 'Check that the host is that of a DPS instance, and that the entry still exists',
  405: 'Check the ID',
  409: 'Look at the entry that exists, and give --update to overwrite it',
  412: 'Run the command again: somebody changed the entry meanwhile',
  415: 'Report this as a defect of dpsload',
  429: 'Lower --operations-per-minute or --operations-share: somebody else uses the same quota',
};

/** What to do about a request that failed, an imperative sentence without a full stop. */
export function serviceRemedy({ status }: Pick<ServiceError, 'status'>): string {
  if (status === null) return 'Check the host name, the network and the CA (--ca), then resume';
  return REMEDIES[status] ?? 'Resume later; if the error persists, report the tracking ID to Azure support';
}

/**
 * A failure that concerns the whole command, since every further request would meet it: the target cannot be reached, or does not accept the
 * credentials. `null` = the failure concerns one entry.
 *
 * @param permissions that the command needs, as the portal names them
 */
export function commandFailure(error: ServiceError, hostName: string, permissions: string): OperatorError | null {
  const { status, message } = error;
  if (status === null) {
    const remedy = 'Check the HostName of the connection string, the network and the CA (--ca); then resume';
    return new OperatorError('unreachable', [problem(`${hostName} does not answer: ${message}`, remedy)]);
  }
  if (status !== 401 && status !== 403) return null;
  const remedy = `${REMEDIES[status]}. The policy needs ${permissions}`;
  return new OperatorError('unreachable', [
    problem(`${hostName} refuses the connection string: ${status} ${message}`, remedy),
  ]);
}
