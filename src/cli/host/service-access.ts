import { readFile } from 'node:fs/promises';
import { parseServiceConnection, type ServiceConnection, serviceEndpoint } from '../../dps/service-connection.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { OperatorError, type Problem, problem, problemIn, unreadableReason } from '../../problem/operator-error.ts';
import { jitter } from '../../registration/retry-delay.ts';
import { type Environment, SERVICE_CONNECTION_VARIABLE } from '../../scenario/scenario.ts';
import type { SettingName, SettingValues } from '../../scenario/settings/settings.ts';
import { REQUESTS_AT_ONCE } from '../../service-api/each-in-turn.ts';
import { httpsExchange } from '../../service-api/https-exchange.ts';
import { ServiceClient } from '../../service-api/service-client.ts';
import { ServiceRequests } from '../../service-api/service-requests.ts';
import type { Clock } from '../../time/clock.ts';
import { readCaFile } from './run-inputs.ts';

/** The settings that say how a command reaches the service API. */
export const SERVICE_ACCESS_SETTINGS = [
  'serviceConnectionFile',
  'operationsPerMinute',
  'operationsShare',
  'ca',
  'resolve',
] as const satisfies readonly SettingName[];

export type ServiceAccessValues = Pick<SettingValues, (typeof SERVICE_ACCESS_SETTINGS)[number]>;

/** Everything needed to open the service API; `connection` is a secret. */
export type ServiceAccess = {
  readonly connection: ServiceConnection;
  readonly caPems: readonly string[];
  /** Where to connect instead of looking the host up; `null` = look up. */
  readonly address: string | null;
  readonly operationsPerMinute: number;
};

const REMEDY =
  'Copy the connection string of a shared access policy of the DPS instance (portal: Shared access policies; Azure CLI: az iot dps connection-string show)';

/** @throws OperatorError `usage` when there is no usable connection string; none of its messages quotes it */
export async function readServiceAccess(values: ServiceAccessValues, environment: Environment): Promise<ServiceAccess> {
  const { operationsPerMinute, operationsShare, resolve, ca, serviceConnectionFile } = values;
  const connection = await readServiceConnection(serviceConnectionFile, environment);
  const caPems = await readCaFile(ca);
  const { host, port } = serviceEndpoint(connection);
  const pinned = resolve?.find((one) => one.host === host && one.port === port) ?? null;
  return {
    connection,
    caPems,
    address: pinned?.address ?? null,
    operationsPerMinute: (operationsPerMinute ?? 1) * (operationsShare ?? 1),
  };
}

async function readServiceConnection(file: string | null, environment: Environment): Promise<ServiceConnection> {
  const text = file === null ? (environment[SERVICE_CONNECTION_VARIABLE] ?? '') : await readSecret(file);
  const fail = (given: Problem): OperatorError => new OperatorError('usage', [given]);
  if (file === null && text.trim() === '') {
    const remedy = `Set ${SERVICE_CONNECTION_VARIABLE}, or give --service-connection-file FILE. ${REMEDY}`;
    throw fail(problem('no connection string of the service API given', remedy));
  }
  const connection = parseServiceConnection(text);
  if (typeof connection !== 'string') return connection;
  if (file === null)
    throw fail(problem(`the connection string in ${SERVICE_CONNECTION_VARIABLE} ${connection}`, REMEDY));
  throw fail(problemIn(file, `the connection string ${connection}`, REMEDY));
}

async function readSecret(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { message, remedy } = unreadableReason(error);
    throw new OperatorError('usage', [problemIn(file, message, remedy)]);
  }
}

export type OpenService = {
  readonly client: ServiceClient;
  readonly requests: ServiceRequests;
  /** Ends its connections. */
  close(): void;
};

export function openService(
  { connection, caPems, address, operationsPerMinute }: ServiceAccess,
  clock: Clock,
): OpenService {
  const target = { ...serviceEndpoint(connection), address, caPems, connections: REQUESTS_AT_ONCE };
  const { exchange, close } = httpsExchange(target);
  let draws = 0;
  const requests = new ServiceRequests({
    connection,
    exchange,
    clock,
    operationsPerMinute,
    nextRandom: () => jitter(process.pid, connection.hostName, draws++),
    userAgent: `dpsload/${dpsloadVersion()}`,
  });
  return { client: new ServiceClient(requests), requests, close };
}
