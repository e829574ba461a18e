import type { X509Certificate } from 'node:crypto';
import { deriveDeviceKey } from '../../dps/device-key.ts';
import type { Substatus } from '../../dps/payloads.ts';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { ConnectedDevice } from './connect-check.ts';
import type { Enrollment } from './dps-instance.ts';
import type { ServiceBehavior } from './service-behavior.ts';

/** How a hub knows that a device is the one that it says it is. */
export type DeviceAuthentication =
  | { readonly type: 'sas'; readonly primaryKey: string; readonly secondaryKey: string | null }
  /** SHA-256, in upper-case hexadecimal digits without separators. */
  | { readonly type: 'selfSigned'; readonly thumbprints: readonly string[] }
  /** One of the certificates must have signed the device's chain, and the device's own must bear its ID. */
  | { readonly type: 'certificateAuthority'; readonly certificates: readonly X509Certificate[] };

/** What the service tells the hubs when an operation has assigned a device. */
export type HubAssignment = {
  readonly hub: string;
  readonly deviceId: string;
  readonly substatus: Substatus;
  /** The identity at another hub that goes; `null` = there is none. */
  readonly movesFrom: { readonly hub: string; readonly deviceId: string } | null;
  readonly authentication: DeviceAuthentication;
  readonly iotEdge: boolean;
  /** `null` = an empty twin. */
  readonly initialTwin: object | null;
  /** When the operation has ended, in milliseconds since 1970. */
  readonly atMs: number;
};

/** What the hub stores about an attested device. @param registrationId as the answers spell it */
export function authenticationOf(
  { attestation, kind }: Enrollment,
  registrationId: string,
  { credentials }: ConnectedDevice,
  { derivationCase, hubGroupCertificates }: ServiceBehavior,
): DeviceAuthentication {
  if (attestation.kind === 'symmetricKey') {
    const { primaryKey, secondaryKey } = attestation;
    if (kind === 'individual') return { type: 'sas', primaryKey, secondaryKey };
    const derivedFrom = derivationCase === 'lower' ? foldRegistrationId(registrationId) : registrationId;
    return {
      type: 'sas',
      primaryKey: deriveDeviceKey(primaryKey, derivedFrom),
      secondaryKey: secondaryKey === null ? null : deriveDeviceKey(secondaryKey, derivedFrom),
    };
  }
  if (attestation.kind === 'tpm') throw new Error('no device is attested by a TPM');
  const { use, certificates } = attestation;
  if (use === 'client') return { type: 'selfSigned', thumbprints: certificates.map(thumbprintOf) };
  const [leaf] = credentials.kind === 'certificates' ? credentials.chain : [];
  if (hubGroupCertificates === 'authority' || leaf === undefined) return { type: 'certificateAuthority', certificates };
  return { type: 'selfSigned', thumbprints: [thumbprintOf(leaf)] };
}

export function thumbprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '');
}
