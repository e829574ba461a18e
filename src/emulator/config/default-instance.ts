import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DpsInstance, ENROLLMENT_DEFAULTS, type LinkedHub, linkedHubSchema } from '../service/dps-instance.ts';
import { NO_QUOTAS } from '../service/quotas.ts';
import { EMULATOR_GROUP_DEFAULT, WELL_KNOWN_GROUP_KEY } from './emulator-defaults.ts';

/** Three evenly weighted hubs. */
export const DEFAULT_HUBS: readonly LinkedHub[] = ['emulated-hub-1', 'emulated-hub-2', 'emulated-hub-3'].map((name) =>
  linkedHubSchema.parse({ hostName: `${name}.azure-devices.net` }),
);

/** The service API's host name of an instance whose name nobody has chosen. */
export function serviceHostNameOf(idScope: string): string {
  return `emulated-${idScope.toLowerCase()}.azure-devices-provisioning.net`;
}

/** An instance with one symmetric-key enrollment group. */
export function defaultInstance(idScope: string, groupKey: string): DpsInstance {
  return {
    idScope,
    allocationPolicy: 'hashed',
    linkedHubs: DEFAULT_HUBS,
    latencyRegions: [],
    caCertificates: [],
    uploadedCas: {},
    serviceHostName: serviceHostNameOf(idScope),
    sharedAccessPolicies: [],
    individualEnrollments: [],
    enrollmentGroups: [
      {
        ...ENROLLMENT_DEFAULTS,
        kind: 'group',
        enrollmentGroupId: EMULATOR_GROUP_DEFAULT,
        attestation: { kind: 'symmetricKey', primaryKey: groupKey, secondaryKey: null },
      },
    ],
    quotas: NO_QUOTAS,
  };
}

/** As long as the keys that the service generates. */
const GENERATED_KEY_BYTES = 64;

/** A new symmetric key, base64. */
export function newSymmetricKey(): string {
  return randomBytes(GENERATED_KEY_BYTES).toString('base64');
}

const GROUP_KEY_FILE = 'group.key';
const WELL_KNOWN_KEY_FILE = 'well-known.key';

/** The file `dir/group.key`; creates it with a new key if it does not exist, readable only by its owner. */
export function generatedGroupKeyFile(dir: string): string {
  const file = join(dir, GROUP_KEY_FILE);
  if (!existsSync(file)) writeKey(file, newSymmetricKey());
  return file;
}

/** The file `dir/well-known.key`: not the one in which a new key would be, so that neither takes the place of the other. */
export function wellKnownKeyFile(dir: string): string {
  const file = join(dir, WELL_KNOWN_KEY_FILE);
  writeKey(file, WELL_KNOWN_GROUP_KEY);
  return file;
}

function writeKey(file: string, key: string): void {
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
}
