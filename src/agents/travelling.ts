import { certificateTexts } from '../certificates/certificate-chain.ts';
import type { Launch } from '../registration/launch.ts';
import type { WorkerSetup } from '../worker/worker-messages.ts';

/** A launch on its way to an agent, which adds the device's key from its own copy of the fleet. */
export type TravellingLaunch = Omit<Launch, 'deviceKey'>;

export function withoutSecrets({ deviceKey: _kept, ...launch }: Launch): TravellingLaunch {
  return launch;
}

/** @param deviceKeyOf the key in the agent's copy of the fleet, by registration ID; `null` = the row has none */
export function withSecrets(launch: TravellingLaunch, deviceKeyOf: (registrationId: string) => string | null): Launch {
  return { ...launch, deviceKey: deviceKeyOf(launch.registrationId) };
}

/** What agents are told of a run's settings. Keys, clock and the target's addresses are their own. */
export type TravellingSetup = Omit<WorkerSetup, 'keys' | 'clockOriginMs' | 'addresses'>;

/** A file of roots may hold a private key as well: only its certificates travel. */
export function setupWithoutSecrets(setup: WorkerSetup): TravellingSetup {
  const { keys: _keys, clockOriginMs: _clock, addresses: _addresses, caPems, ...rest } = setup;
  return { ...rest, caPems: caPems.map((pem) => certificateTexts(pem).join('\n')) };
}
