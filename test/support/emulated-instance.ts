import { defaultInstance } from '../../src/emulator/config/default-instance.ts';
import {
  type DpsInstance,
  ENROLLMENT_DEFAULTS,
  type IndividualEnrollment,
} from '../../src/emulator/service/dps-instance.ts';

export const ID_SCOPE = '0ne00111111';

/** Keys for tests only; the group key is the documentation's own example. */
export const GROUP_KEY = '8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==';
export const OTHER_KEY = 'oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==';
export const DEVICE_KEY = '18RQk/hOPJR9EbsJlk2j8WA6vWaj/yi+oaYg7zmxfQNdOyMSu+SJ8O7TSlZhDJCYmn4rzEiVKIzNiVAWjLxrGA==';
export const SECONDARY_KEY = 'c2Vjb25kYXJ5LWtleS1mb3ItdGVzdHMtb25seQ==';

export function individualEnrollment(settings: Partial<IndividualEnrollment> = {}): IndividualEnrollment {
  return {
    ...ENROLLMENT_DEFAULTS,
    kind: 'individual',
    registrationId: 'my-symkey-device',
    deviceId: null,
    attestation: { kind: 'symmetricKey', primaryKey: DEVICE_KEY, secondaryKey: SECONDARY_KEY },
    ...settings,
  };
}

/** One group with `GROUP_KEY`, and one individual enrollment. */
export function emulatedInstance(settings: Partial<DpsInstance> = {}): DpsInstance {
  return {
    ...defaultInstance(ID_SCOPE, GROUP_KEY),
    individualEnrollments: [individualEnrollment()],
    ...settings,
  };
}
