import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { KeyedCertificate } from '../certificates/certificate.ts';
import { symmetricKeyProblem } from '../dps/device-key.ts';
import { printServiceConnection } from '../dps/service-connection.ts';
import { OperatorError, problem } from '../problem/operator-error.ts';
import { newSymmetricKey } from './config/default-instance.ts';
import type { Emulator } from './emulator.ts';
import type { SessionContext } from './server/mqtt-session.ts';
import { listenServiceApi } from './server/service-api-listener.ts';
import type { Listener } from './server/tls-listener.ts';
import { ServiceApi } from './service/api/service-api.ts';
import type { DpsInstance } from './service/dps-instance.ts';
import { ownerPolicy } from './service/shared-access-policy.ts';

type ServiceApiPort = {
  readonly port: number;
  /** Of the policy of instances without policies of their own. */
  readonly ownerKey: string;
};

type ServiceApiOptions = {
  readonly host: string;
  readonly servicePort?: number | null;
  readonly serviceOwnerKey?: string;
};

/**
 * Opens the port of the service API, and adds it to `listeners`; `null` = it is not asked for.
 *
 * @throws OperatorError when the key is none, or the port is in use
 */
export async function openServiceApi(
  { host, servicePort = null, serviceOwnerKey: ownerKey = newSymmetricKey() }: ServiceApiOptions,
  certificates: readonly KeyedCertificate[],
  context: SessionContext,
  listeners: Listener[],
): Promise<ServiceApiPort | null> {
  if (servicePort === null) return null;
  const reason = symmetricKeyProblem(ownerKey);
  if (reason !== null) {
    const message = `the key of the policy provisioningserviceowner ${reason}`;
    throw new OperatorError('usage', [problem(message, 'Give a base64 key of 16 to 64 bytes')]);
  }
  const { service, faults } = context;
  const api = new ServiceApi({ service, faults, ownerKey, newGuid: randomUUID, newKey: newSymmetricKey });
  const listener = await listenServiceApi({ host, port: servicePort }, { ...context, api, certificates });
  listeners.push(listener);
  return { port: listener.port, ownerKey };
}

export type ServiceApiControls = Pick<Emulator, 'servicePort' | 'serviceConnectionString'>;

/** What the emulator tells about the port. @param host where it is, from here */
export function serviceApiControls(
  api: ServiceApiPort | null,
  instances: () => readonly DpsInstance[],
  host: string,
): ServiceApiControls {
  return {
    servicePort: api?.port ?? null,
    get serviceConnectionString() {
      const [instance] = instances();
      return api === null || instance === undefined ? null : connectionStringTo(instance, api, host);
    },
  };
}

/** How to reach the service API of an instance with the first of its policies. @param host where it is, from here */
function connectionStringTo(
  { sharedAccessPolicies }: DpsInstance,
  { port, ownerKey }: ServiceApiPort,
  host: string,
): string {
  const { name, primaryKey } = sharedAccessPolicies[0] ?? ownerPolicy(ownerKey);
  const hostName = isIP(host) === 6 ? 'localhost' : host;
  return printServiceConnection({ hostName: `${hostName}:${port}`, policyName: name, key: primaryKey });
}
