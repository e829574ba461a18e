import { deriveDeviceKey } from '../dps/device-key.ts';
import { buildSasToken } from '../dps/sas-token.ts';
import type { Credentials } from '../registration/credentials.ts';
import type { Launch } from '../registration/launch.ts';
import type { AttestationKeys, GroupKeys } from './attestation-keys.ts';

/** Life of a token: what most of the official SDKs use; longer than any registration's deadline should be. */
const TOKEN_LIFE_SECONDS = 3600;

/** Keys that make tokens. */
export type SymmetricKeys = Extract<AttestationKeys, { readonly kind: 'group-key' | 'device-key' }>;

export type SymmetricKeyCredentials =
  | { readonly credentials: Credentials }
  /** Why the row has none, as the end of a sentence that begins with the row. */
  | { readonly reason: string };

/**
 * A row's own key comes first; without one its keys are derived from its group's primary and secondary, or else from the
 * default ones.
 */
export function symmetricKeyCredentials(
  keys: SymmetricKeys,
  idScope: string,
  launch: Pick<Launch, 'registrationId' | 'group' | 'deviceKey'>,
): SymmetricKeyCredentials {
  const { registrationId, group, deviceKey } = launch;
  const deviceKeys = deviceKey === null ? derivedKeys(keys, registrationId, group) : [deviceKey];
  if (deviceKeys.length === 0) return { reason: missingKeyReason(keys, group) };
  const password = (epochMs: number, key: number): string => {
    const chosen = deviceKeys[key];
    if (chosen === undefined) throw new Error(`the device has ${deviceKeys.length} keys, not ${key + 1}`);
    return buildSasToken(idScope, registrationId, chosen, Math.floor(epochMs / 1000) + TOKEN_LIFE_SECONDS);
  };
  return { credentials: { keys: deviceKeys.length, password, clientCertificate: null } };
}

/** Primary and secondary, of the same enrollment group; none without a primary one. */
function derivedKeys(keys: SymmetricKeys, registrationId: string, group: string | null): readonly string[] {
  if (keys.kind === 'device-key') return [];
  // Object.hasOwn: a group may be called `constructor`.
  const isNamed = group !== null && Object.hasOwn(keys.groups, group);
  const keyIn = ({ defaultKey, groups }: GroupKeys): string | null =>
    isNamed ? (Object.hasOwn(groups, group) ? (groups[group] ?? null) : null) : defaultKey;
  const primary = keyIn(keys);
  if (primary === null) return [];
  const secondary = keyIn(keys.secondary);
  const groupKeys = secondary === null ? [primary] : [primary, secondary];
  return groupKeys.map((groupKey) => deriveDeviceKey(groupKey, registrationId));
}

function missingKeyReason(keys: SymmetricKeys, group: string | null): string {
  if (keys.kind === 'device-key') return 'has no device_key';
  const groupReason =
    group === null ? 'there is no default group key' : `there is no key for its group ${JSON.stringify(group)}`;
  return `has no device_key, and ${groupReason}`;
}
