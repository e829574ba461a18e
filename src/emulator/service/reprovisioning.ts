import type { Substatus } from '../../dps/payloads.ts';
import type { Enrollment, EnrollmentReprovisionPolicy } from './dps-instance.ts';

/** Devices of this api-version and older ones stay where they are, when the enrollment has no policy. */
const STICKY_UNTIL = '2018-04-01';

/** The first api-version that tells what a repeated registration did; older ones are told `initialAssignment` always. */
const EVERY_SUBSTATUS_SINCE = '2019-04-15';

const MIGRATE: EnrollmentReprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: true };
const NEVER: EnrollmentReprovisionPolicy = { updateHubAssignment: false, migrateDeviceData: false };

export function reprovisionPolicyOf(
  { reprovisionPolicy }: Enrollment,
  apiVersion: string,
): EnrollmentReprovisionPolicy {
  return reprovisionPolicy ?? (apiVersion <= STICKY_UNTIL ? NEVER : MIGRATE);
}

/** What a registration that ends at `hub` did. @param previousHub `null` for a device that was not assigned before. */
export function substatusOf(hub: string, previousHub: string | null, policy: EnrollmentReprovisionPolicy): Substatus {
  if (previousHub === null) return 'initialAssignment';
  if (hub === previousHub) return 'reprovisionedToInitialAssignment';
  return policy.migrateDeviceData ? 'deviceDataMigrated' : 'deviceDataReset';
}

/** Whether a device that speaks `apiVersion` is told every substatus. */
export function reportsEverySubstatus(apiVersion: string): boolean {
  return apiVersion >= EVERY_SUBSTATUS_SINCE;
}
