import { randomBytes, randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { KeyedCertificate } from '../certificates/certificate.ts';
import { printServiceConnection } from '../dps/service-connection.ts';
import type { SessionContext } from './server/mqtt-session.ts';
import { listenServiceApi } from './server/service-api-listener.ts';
import type { Listener } from './server/tls-listener.ts';
import { ServiceApi } from './service/api/service-api.ts';
import type { DpsInstance } from './service/dps-instance.ts';
import { ownerPolicy } from './service/shared-access-policy.ts';

/** Like the keys that the service generates. */
const GENERATED_KEY_BYTES = 64;

export function newSymmetricKey(): string {
  return randomBytes(GENERATED_KEY_BYTES).toString('base64');
}

export type ServiceApiPort = {
  readonly host: string;
  readonly port: number;
  /** Of the policy of instances without policies of their own. */
  readonly ownerKey: string;
};

/** Opens the port of the service API. */
export function openServiceApi(
  { host, port, ownerKey }: ServiceApiPort,
  certificates: readonly KeyedCertificate[],
  context: SessionContext,
): Promise<Listener> {
  const { service, faults } = context;
  const api = new ServiceApi({ service, faults, ownerKey, newGuid: randomUUID, newKey: newSymmetricKey });
  return listenServiceApi({ host, port }, { ...context, api, certificates });
}

/** How to reach the service API of an instance with the first of its policies. */
export function connectionStringTo(
  { sharedAccessPolicies }: DpsInstance,
  { host, port, ownerKey }: ServiceApiPort,
): string {
  const { name, primaryKey } = sharedAccessPolicies[0] ?? ownerPolicy(ownerKey);
  const hostName = isIP(host) === 6 ? 'localhost' : host;
  return printServiceConnection({ hostName: `${hostName}:${port}`, policyName: name, key: primaryKey });
}
