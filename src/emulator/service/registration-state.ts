import type { RegistrationState } from '../../dps/payloads.ts';
import { entityTag } from './entity-tag.ts';
import { type Assignment, deviceIdOf, type RegistrationRecord } from './registration-record.ts';
import { utcTimestamp } from './utc-timestamp.ts';

/** What others see of a registration: the device in its final answer, and readers of the records. */
export type StateOptions = {
  /** `false`: the reader's api-version knows `initialAssignment` only. */
  readonly reportsEverySubstatus: boolean;
  /** Whether the attestation member names the enrollment group; the real service's final answer: not captured. */
  readonly namesEnrollmentGroup: boolean;
};

/** The registration state of `assignment` as it is at `nowMs`; member order as in captures. */
export function registrationState(
  record: RegistrationRecord,
  { result, readyAtMs }: Assignment,
  options: StateOptions,
  nowMs: number,
): RegistrationState {
  const { registrationId } = record;
  if (result === null || nowMs < readyAtMs) return { registrationId, status: 'assigning' };
  const attestation = attestationMember(record, options);
  const createdDateTimeUtc = utcTimestamp(record.createdAtMs);
  const stamps = { lastUpdatedDateTimeUtc: utcTimestamp(readyAtMs), etag: entityTag(registrationId, readyAtMs) };
  if (result.hub === null) {
    return { ...attestation, registrationId, createdDateTimeUtc, status: 'failed', ...result.failure, ...stamps };
  }
  return {
    ...attestation,
    registrationId,
    createdDateTimeUtc,
    assignedHub: result.hub,
    deviceId: deviceIdOf(record),
    status: 'assigned',
    substatus: options.reportsEverySubstatus ? result.substatus : 'initialAssignment',
    ...stamps,
    ...('payload' in result ? { payload: result.payload } : {}),
  };
}

/** Captures with X.509 begin with an empty object; those with a symmetric key have no such member. */
function attestationMember({ enrollment }: RegistrationRecord, { namesEnrollmentGroup }: StateOptions): object {
  const { kind } = enrollment.attestation;
  if (namesEnrollmentGroup && enrollment.kind === 'group') {
    return { [kind]: { enrollmentGroupId: enrollment.enrollmentGroupId } };
  }
  return kind === 'x509' ? { x509: {} } : {};
}
