import type { AttestationKeys } from '../attestation/attestation-keys.ts';
import { type CredentialRefusal, credentialsMaker } from '../attestation/make-credentials.ts';
import { connectUsername } from '../dps/connect-identity.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { FleetSurvey } from '../fleet/survey-fleet.ts';
import type { MqttIdentity } from '../mqtt/mqtt-connection.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Clock } from '../time/clock.ts';

export type FirstDeviceRequest = {
  readonly scenario: Pick<Scenario, 'fleet' | 'apiVersion'>;
  readonly fleet: Pick<FleetSurvey, 'rows' | 'digest' | 'bytes' | 'rejectedLines'>;
  readonly idScope: string;
  readonly keys: AttestationKeys;
  readonly userAgent: string;
};

/** With what the fleet's first device connects: it serves to reach a target, and to have its ID scope known. */
export async function firstDeviceIdentity(
  { scenario, fleet, idScope, keys, userAgent }: FirstDeviceRequest,
  clock: Clock,
): Promise<{ readonly identity: MqttIdentity } | { readonly refusal: CredentialRefusal }> {
  const rows = readFleet(scenario.fleet, fleet);
  const first = await rows.next();
  await rows.return(undefined);
  if (first.done) throw new Error('the survey accepted a fleet without rows');
  const { registrationId } = first.value;
  const made = await credentialsMaker(keys, idScope, clock)(first.value);
  if ('refusal' in made) return made;
  const { password, clientCertificate } = made.credentials;
  const username = connectUsername({ idScope, registrationId, apiVersion: scenario.apiVersion }, userAgent);
  return {
    identity: { clientId: registrationId, username, password: password(clock.epochMs(), 0), clientCertificate },
  };
}
