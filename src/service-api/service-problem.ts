import { OperatorError, problem } from '../problem/operator-error.ts';
import type { ServiceError } from './service-error.ts';

/** By HTTP status. */
const REMEDIES: Readonly<Record<number, string>> = {
  400: 'Correct what the message names',
  401: 'Check the connection string, the permissions of its policy, and the clock of this machine',
  403: 'Check the connection string, the permissions of its policy, and the IP filter of the DPS instance',
  404: 'Check that the entry still exists',
  405: 'Check the ID',
  409: 'Look at the entry that exists',
  412: 'Try again: somebody changed the entry at the same time',
  415: 'Report this as a defect of dpsload',
  429: 'Lower --operations-share: somebody else uses the same quota',
};

/** What to do about a request that failed, an imperative sentence without a full stop. */
export function serviceRemedy({ status }: Pick<ServiceError, 'status'>): string {
  if (status === null) return 'Check the HostName of the connection string, the network and the CA (--ca)';
  return REMEDIES[status] ?? 'Try again later; if the error persists, report the tracking ID to Azure support';
}

/** Whether every further request would fail in the same way: the target cannot be reached, or refuses the credentials. */
export function concernsEveryRequest({ status }: Pick<ServiceError, 'status'>): boolean {
  return status === null || status === 401 || status === 403;
}

/** @param permissions that the command needs, as the portal names them */
export function serviceUnavailable(error: ServiceError, hostName: string, permissions: string): OperatorError {
  const { status, message } = error;
  const said = status === null ? `cannot be reached: ${message}` : `answers ${status}: ${message}`;
  const isRefused = status === 401 || status === 403;
  const remedy = `${serviceRemedy(error)}${isRefused ? `. The policy needs ${permissions}` : ''}`;
  return new OperatorError('unreachable', [problem(`${hostName} ${said}`, remedy)]);
}
