import { certificateTexts } from '../certificates/certificate-chain.ts';
import type { Launch } from '../registration/launch.ts';
import type { WorkerSetup } from '../worker/worker-messages.ts';
import type { TravellingLaunch, TravellingSetup } from './agent-messages.ts';

export function withoutSecrets({ deviceKey: _kept, ...launch }: Launch): TravellingLaunch {
  return launch;
}

/** @param deviceKeyOf the key in the agent's copy of the fleet, by registration ID; `null` = the row has none */
export function withSecrets(launch: TravellingLaunch, deviceKeyOf: (registrationId: string) => string | null): Launch {
  return { ...launch, deviceKey: deviceKeyOf(launch.registrationId) };
}

/** A file of roots may hold a private key as well: only its certificates travel. */
export function setupWithoutSecrets(setup: WorkerSetup): TravellingSetup {
  const { keys: _keys, clockOriginMs: _clock, addresses: _addresses, caPems, ...rest } = setup;
  return { ...rest, caPems: caPems.map((pem) => certificateTexts(pem).join('\n')) };
}
