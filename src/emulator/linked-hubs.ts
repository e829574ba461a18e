import { HubRegistry } from './hub/hub-registry.ts';
import type { AdvancedContext } from './running-config.ts';
import { EmulatedHubs } from './server/emulated-hubs.ts';
import { hubNamesInCertificate } from './server/hub-names.ts';
import { serverNames } from './server/tls-listener.ts';
import type { DpsInstance } from './service/dps-instance.ts';
import type { ServiceBehavior } from './service/service-behavior.ts';

/** Names of the server that listens on `host`. */
export function ownNames(host: string, further: readonly string[] = []): readonly string[] {
  return [...serverNames(host), ...further];
}

type Named = {
  readonly host: string;
  readonly serverNames?: readonly string[];
  readonly hubPort?: number | null;
  readonly servicePort?: number | null;
  readonly instances: readonly DpsInstance[];
};

/** Those of the server, and of its hubs if they are served. */
export function namesInCertificate({
  host,
  serverNames,
  hubPort = null,
  servicePort = null,
  instances,
}: Named): readonly string[] {
  const apiNames = servicePort === null ? [] : instances.map(({ serviceHostName }) => serviceHostName);
  const names = [...ownNames(host, serverNames), ...apiNames];
  if (hubPort === null) return names;
  const hubs = instances.flatMap((instance) => instance.linkedHubs.map(({ hostName }) => hostName));
  return [...names, ...hubNamesInCertificate(hubs)];
}

/** The hubs of all instances; those that have the same name are one. @param names of the server */
export function linkedHubs(
  instances: readonly DpsInstance[],
  names: readonly string[],
  time: Pick<AdvancedContext, 'serviceClock' | 'serviceTimeMs'>,
  behavior: () => ServiceBehavior,
): EmulatedHubs {
  const hubs = instances.flatMap((instance) => instance.linkedHubs);
  const aheadMs = () => time.serviceClock.aheadMs;
  return new EmulatedHubs(new HubRegistry(hubs, { behavior, aheadMs, ownNames: ['localhost', ...names] }), time);
}
