import type { RegistrationState } from '../../dps/payloads.ts';
import type { RegistrationRecord } from './registration-record.ts';
import { registrationState } from './registration-state.ts';
import { utcTimestamp } from './utc-timestamp.ts';

/** One registration record as others see it: a line of the records file. Absent is `null`. */
export type RecordLine = {
  readonly kind: 'registration';
  readonly idScope: string;
  readonly registrationId: string;
  /** `null` = an individual enrollment. */
  readonly enrollmentGroupId: string | null;
  readonly deviceId: string | null;
  readonly status: RegistrationState['status'];
  readonly assignedHub: string | null;
  readonly substatus: string | null;
  readonly errorCode: number | null;
  /** With which the hub made the device's twin. */
  readonly initialTwin: object | null;
  /** Register requests accepted. */
  readonly registers: number;
  readonly createdDateTimeUtc: string;
  readonly lastUpdatedDateTimeUtc: string | null;
};

export function recordLine(idScope: string, record: RegistrationRecord, nowMs: number): RecordLine {
  const { enrollment, assignment, registers, createdAtMs } = record;
  const options = { reportsEverySubstatus: true, namesEnrollmentGroup: false };
  const state = registrationState(record, assignment, options, nowMs);
  return {
    kind: 'registration',
    idScope,
    registrationId: record.registrationId,
    enrollmentGroupId: enrollment.kind === 'group' ? enrollment.enrollmentGroupId : null,
    deviceId: state.deviceId ?? null,
    status: state.status,
    assignedHub: state.assignedHub ?? null,
    substatus: state.substatus ?? null,
    errorCode: state.errorCode ?? null,
    initialTwin: record.initialTwin,
    registers,
    createdDateTimeUtc: utcTimestamp(createdAtMs),
    lastUpdatedDateTimeUtc: state.lastUpdatedDateTimeUtc ?? null,
  };
}
