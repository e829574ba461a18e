import type { ClientCertificate } from '../conversation/client-certificate.ts';
import { buildHubSasToken } from '../dps/sas-token.ts';
import type { Clock } from '../time/clock.ts';
import type { AttestationKeys } from './attestation-keys.ts';
import { type CredentialRefusal, type CredentialRow, credentialsMaker, deviceKeysOf } from './make-credentials.ts';

/** As long as the token for the provisioning service: the clock of this machine may be wrong by minutes. */
const TOKEN_LIFE_SECONDS = 3600;

/** A device's proof of identity at its hub. */
export type HubCredentials = {
  /** `null` = none is sent. @param attempt from 0: a device with two keys, which the hub may both know, uses them in turn */
  password(epochMs: number, attempt: number): string | null;
  readonly clientCertificate: ClientCertificate | null;
};

export type HubDevice = CredentialRow & { readonly hub: string; readonly deviceId: string };

export type MadeHubCredentials =
  | { readonly credentials: HubCredentials }
  | { readonly refusal: Pick<CredentialRefusal, 'message'> };

/**
 * Returns the function that makes the credentials of any device of a run for its hub: the device's own key, or its own certificate. A
 * device whose certificate is issued at its launch gets another one of the same issuer.
 */
export function hubCredentialsMaker(
  keys: AttestationKeys,
  clock: Clock,
): (device: HubDevice) => Promise<MadeHubCredentials> {
  if (keys.kind === 'x509-files' || keys.kind === 'x509-issuer') {
    // No password is made of the ID scope.
    const make = credentialsMaker(keys, '', clock);
    return async (device) => {
      const made = await make(device);
      if ('refusal' in made) return made;
      return { credentials: { password: () => null, clientCertificate: made.credentials.clientCertificate } };
    };
  }
  return async (device) => {
    const { hub, deviceId } = device;
    const deviceKeys = deviceKeysOf(keys, device);
    if (deviceKeys.length === 0)
      return { refusal: { message: 'the row has no key: neither its own nor that of a group' } };
    const password = (epochMs: number, attempt: number): string | null => {
      const key = deviceKeys[attempt % deviceKeys.length] ?? '';
      return buildHubSasToken(hub, deviceId, key, Math.floor(epochMs / 1_000) + TOKEN_LIFE_SECONDS);
    };
    return { credentials: { password, clientCertificate: null } };
  };
}
