import { deriveDeviceKey } from '../dps/device-key.ts';
import { buildSasToken } from '../dps/sas-token.ts';
import type { Launch } from '../registration/launch.ts';
import type { AttestationKeys } from './attestation-keys.ts';
import type { Credentials } from './credentials.ts';

/** Life of a token: what most of the official SDKs use; longer than any registration's deadline should be. */
const TOKEN_LIFE_SECONDS = 3600;

/** Keys that make tokens. */
export type SymmetricKeys = Extract<AttestationKeys, { readonly kind: 'group-key' | 'device-key' }>;

export type SymmetricKeyCredentials =
  | { readonly credentials: Credentials }
  /** Why the row has none, as the end of a sentence that begins with the row. */
  | { readonly reason: string };

/** A row's own key comes first; without one its key is derived from its group's, or else from the default group key. */
export function symmetricKeyCredentials(
  keys: SymmetricKeys,
  idScope: string,
  launch: Pick<Launch, 'registrationId' | 'group' | 'deviceKey'>,
): SymmetricKeyCredentials {
  const { registrationId, group } = launch;
  const deviceKey = launch.deviceKey ?? derivedKey(keys, registrationId, group);
  if (deviceKey === null) return { reason: missingKeyReason(keys, group) };
  const password = (epochMs: number): string =>
    buildSasToken(idScope, registrationId, deviceKey, Math.floor(epochMs / 1000) + TOKEN_LIFE_SECONDS);
  return { credentials: { password, clientCertificate: null } };
}

function derivedKey(keys: SymmetricKeys, registrationId: string, group: string | null): string | null {
  if (keys.kind === 'device-key') return null;
  // Object.hasOwn: a group may be called `constructor`.
  const named = group !== null && Object.hasOwn(keys.groups, group) ? keys.groups[group] : undefined;
  const groupKey = named ?? keys.defaultKey;
  return groupKey === null ? null : deriveDeviceKey(groupKey, registrationId);
}

function missingKeyReason(keys: SymmetricKeys, group: string | null): string {
  if (keys.kind === 'device-key') return 'has no device_key';
  const groupReason =
    group === null ? 'there is no default group key' : `there is no key for its group ${JSON.stringify(group)}`;
  return `has no device_key, and ${groupReason}`;
}
