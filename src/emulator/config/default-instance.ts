import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DpsInstance, ENROLLMENT_DEFAULTS, type LinkedHub, linkedHubSchema } from '../service/dps-instance.ts';
import { NO_QUOTAS } from '../service/quotas.ts';
import { EMULATOR_GROUP_DEFAULT } from './emulator-defaults.ts';

/** Three evenly weighted hubs. */
export const DEFAULT_HUBS: readonly LinkedHub[] = ['emulated-hub-1', 'emulated-hub-2', 'emulated-hub-3'].map((name) =>
  linkedHubSchema.parse({ hostName: `${name}.azure-devices.net` }),
);

/** An instance with one symmetric-key enrollment group. */
export function defaultInstance(idScope: string, groupKey: string): DpsInstance {
  return {
    idScope,
    allocationPolicy: 'hashed',
    linkedHubs: DEFAULT_HUBS,
    latencyRegions: [],
    caCertificates: [],
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

/** Like the keys that the service generates. */
const GENERATED_KEY_BYTES = 64;

const GROUP_KEY_FILE = 'group.key';

/** The file `dir/group.key`; creates it with a new key if it does not exist, readable only by its owner. */
export function generatedGroupKeyFile(dir: string): string {
  const file = join(dir, GROUP_KEY_FILE);
  if (!existsSync(file))
    writeFileSync(file, `${randomBytes(GENERATED_KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
  return file;
}
