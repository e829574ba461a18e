import { HubRegistry } from './hub/hub-registry.ts';
import type { AdvancedContext } from './running-config.ts';
import { EmulatedHubs } from './server/emulated-hubs.ts';
import { hubNamesInCertificate } from './server/hub-names.ts';
import { serverNames } from './server/tls-listener.ts';
import type { DpsInstance } from './service/dps-instance.ts';
import type { ServiceBehavior } from './service/service-behavior.ts';
import type { StateLine } from './service/state-kind.ts';

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

type HubsContext = Pick<AdvancedContext, 'serviceClock' | 'serviceTimeMs'> & {
  readonly behavior: () => ServiceBehavior;
  /** `null` = nobody keeps the state. */
  readonly changes: StateLine[] | null;
  readonly keepSoon: () => void;
};

/** The hubs of all instances; those that have the same name are one. @param names of the server */
export function linkedHubs(
  instances: readonly DpsInstance[],
  names: readonly string[],
  { behavior, changes, ...time }: HubsContext,
): EmulatedHubs {
  const hubs = instances.flatMap((instance) => instance.linkedHubs);
  const aheadMs = () => time.serviceClock.aheadMs;
  const options = { behavior, aheadMs, ownNames: ['localhost', ...names], changes };
  return new EmulatedHubs(new HubRegistry(hubs, options), time);
}
