import type { AttestationKeys } from '../../src/attestation/attestation-keys.ts';

export const GROUP_KEY = 'c2VjcmV0LW9mLXRoZS10ZXN0LWdyb3VwLWtleS0wMTIzNDU2Nzg5';

/** As the built program is given it. */
export const GROUP_KEY_ENV = { DPSLOAD_GROUP_KEY: GROUP_KEY };

/** As a worker is given it. */
export const GROUP_KEYS = {
  kind: 'group-key',
  defaultKey: GROUP_KEY,
  groups: {},
  secondary: { defaultKey: null, groups: {} },
} as const satisfies AttestationKeys;
