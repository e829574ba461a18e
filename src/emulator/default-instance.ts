import { type DpsInstance, ENROLLMENT_DEFAULTS, type LinkedHub } from './service/dps-instance.ts';
import { NO_QUOTAS } from './service/quotas.ts';

/** The ID scope of an emulator that is told no other. */
export const EMULATOR_ID_SCOPE_DEFAULT = '0ne0000E000';

/** The enrollment group of an emulator without a configuration file. */
export const EMULATOR_GROUP_DEFAULT = 'default';

/** Three evenly weighted hubs. */
export const DEFAULT_HUBS: readonly LinkedHub[] = ['emulated-hub-1', 'emulated-hub-2', 'emulated-hub-3'].map(
  (name) => ({
    hostName: `${name}.azure-devices.net`,
    weight: 1,
    applyAllocationPolicy: true,
    identityLimit: null,
  }),
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
