import type { Enrollment } from '../dps-instance.ts';
import type { StoredEnrollment } from '../enrollment-store.ts';

/** What a request of the service API has changed, for whoever keeps it. */
export type EnrollmentChange = { readonly idScope: string } & (
  | { readonly kind: 'enrollment-stored'; readonly stored: StoredEnrollment }
  | { readonly kind: 'enrollment-deleted'; readonly of: Enrollment['kind']; readonly id: string }
  | { readonly kind: 'registration-deleted'; readonly registrationId: string }
);
