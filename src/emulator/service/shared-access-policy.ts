import { z } from 'zod';

/** What a shared access policy lets its holder do, in the service's words. None includes another. */
export const PERMISSIONS = [
  'ServiceConfig',
  'EnrollmentRead',
  'EnrollmentWrite',
  'RegistrationStatusRead',
  'RegistrationStatusWrite',
] as const;

export const permission = z.enum(PERMISSIONS, { error: `must be one of ${PERMISSIONS.join(', ')}` });

export type Permission = z.output<typeof permission>;

/** Lets whoever has one of its keys use the service API. Keys are base64. */
export type SharedAccessPolicy = {
  readonly name: string;
  readonly primaryKey: string;
  readonly secondaryKey: string | null;
  readonly permissions: readonly Permission[];
};

/** The policy that every new instance of the service has. */
const OWNER_POLICY_NAME = 'provisioningserviceowner';

export function ownerPolicy(primaryKey: string): SharedAccessPolicy {
  return { name: OWNER_POLICY_NAME, primaryKey, secondaryKey: null, permissions: PERMISSIONS };
}
