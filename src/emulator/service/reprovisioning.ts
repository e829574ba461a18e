import type { Substatus } from '../../dps/payloads.ts';
import type { Enrollment, EnrollmentReprovisionPolicy } from './dps-instance.ts';

/** Devices of this api-version and older stay at their hub if the enrollment has no policy. */
const STICKY_UNTIL = '2018-04-01';

/** The first api-version that reports what a repeated registration did; older ones always get `initialAssignment`. */
const EVERY_SUBSTATUS_SINCE = '2019-04-15';

const MIGRATE: EnrollmentReprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: true };
const NEVER: EnrollmentReprovisionPolicy = { updateHubAssignment: false, migrateDeviceData: false };

export function reprovisionPolicyOf(
  { reprovisionPolicy }: Enrollment,
  apiVersion: string,
): EnrollmentReprovisionPolicy {
  return reprovisionPolicy ?? (apiVersion <= STICKY_UNTIL ? NEVER : MIGRATE);
}

/** The effect of a registration that ends at `hub`. @param previousHub `null` = the device was not assigned before */
export function substatusOf(hub: string, previousHub: string | null, policy: EnrollmentReprovisionPolicy): Substatus {
  if (previousHub === null) return 'initialAssignment';
  if (hub === previousHub) return 'reprovisionedToInitialAssignment';
  return policy.migrateDeviceData ? 'deviceDataMigrated' : 'deviceDataReset';
}

/** Returns whether `apiVersion` reports every substatus. */
export function reportsEverySubstatus(apiVersion: string): boolean {
  return apiVersion >= EVERY_SUBSTATUS_SINCE;
}
