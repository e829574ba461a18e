import type { RegistrationStateBody, Substatus } from '../../dps/payloads.ts';
import { utcTimestamp } from './answer.ts';
import type { Attestation, Enrollment, EnrollmentGroup, IndividualEnrollment } from './dps-instance.ts';
import { entityTag } from './entity-tag.ts';

/** Why an operation ended as failed. */
export type AssignmentFailure = { readonly errorCode: number; readonly errorMessage: string };

/** The end of an assignment: a hub, or a failure. */
export type AssignmentResult =
  | {
      readonly hub: string;
      readonly substatus: Substatus;
      readonly failure: null;
      /** Returned by the allocation webhook for the device; absent = nothing. */
      readonly payload?: unknown;
      /** Returned by the allocation webhook; absent = the enrollment's. */
      readonly initialTwin?: object;
    }
  | { readonly hub: null; readonly substatus: null; readonly failure: AssignmentFailure };

/** The outcome of one register request. A webhook decides it after the request was accepted. */
export type Assignment = {
  /** As the answers spell it. */
  readonly registrationId: string;
  /** `null` until it is decided. */
  result: AssignmentResult | null;
  /** Milliseconds since 1970: `assigning` before, `result` from then on; infinite = never, or not known yet. */
  readyAtMs: number;
};

/** An accepted register request, as its polls see it. */
export type Operation = {
  readonly operationId: string;
  readonly record: RegistrationRecord;
  readonly assignment: Assignment;
  /** `false`: the device's api-version knows only `initialAssignment`. */
  readonly reportsEverySubstatus: boolean;
  readonly expiresAtMs: number;
  /** The next one of the same device; `null` = this is its latest. */
  next: Operation | null;
};

/** What remains of the enrollment by which a device registered, whatever becomes of that. */
export type RegisteredEnrollment = (
  | Pick<IndividualEnrollment, 'kind' | 'registrationId' | 'deviceId'>
  | Pick<EnrollmentGroup, 'kind' | 'enrollmentGroupId'>
) & { readonly attestation: Pick<Attestation, 'kind'> };

/** Everything the instance knows about one registration ID. There may be a million of these. */
export type RegistrationRecord = {
  readonly createdAtMs: number;
  /** Time of the last accepted register request. */
  registeredAtMs: number;
  enrollment: RegisteredEnrollment;
  /** From the last accepted register request. */
  assignment: Assignment;
  /** The hub of the last successful assignment; `null` = none so far. */
  hub: string | null;
  /** From which the hub created the device's twin; `null` = an empty twin. */
  initialTwin: object | null;
  /** Register requests accepted. */
  registers: number;
  /** The first and the last operation that can be polled, and how many they are with those between. */
  oldestOperation: Operation | null;
  latestOperation: Operation | null;
  operations: number;
};

/**
 * The registration ID in answers and records. The service ignores its case, and returns an ID as it was created: an individual
 * enrollment's own, whatever the device writes. A group has none, so the spelling of the register request counts.
 *
 * @param requested as the device wrote it
 */
export function spelledId(enrollment: Enrollment, requested: string): string {
  return enrollment.kind === 'individual' ? enrollment.registrationId : requested;
}

/** The device's ID at its hub, which the hub compares with its case. */
export function deviceIdOf({ enrollment }: RegistrationRecord, { registrationId }: Assignment): string {
  return (enrollment.kind === 'individual' ? enrollment.deviceId : null) ?? registrationId;
}

/** What the reader of a registration sees: the device in its final answer, or someone who reads the records. */
export type StateOptions = {
  /** `false`: the reader's api-version knows only `initialAssignment`. */
  readonly reportsEverySubstatus: boolean;
  /** Whether the attestation member names the enrollment group. No final answer of a group has been captured. */
  readonly namesEnrollmentGroup: boolean;
};

/** For someone who reads the records. */
const FOR_RECORDS: StateOptions = { reportsEverySubstatus: true, namesEnrollmentGroup: false };

/** The registration state of `assignment` at `nowMs`; member order as in captures. */
export function registrationState(
  record: RegistrationRecord,
  assignment: Assignment,
  options: StateOptions,
  nowMs: number,
): RegistrationStateBody {
  const { registrationId, result, readyAtMs } = assignment;
  if (result === null || nowMs < readyAtMs) return { registrationId, status: 'assigning' };
  const attestation = attestationMember(record, options);
  const createdDateTimeUtc = utcTimestamp(record.createdAtMs);
  const lastUpdatedDateTimeUtc = utcTimestamp(readyAtMs);
  const etag = entityTag('registration', `${registrationId}\n${readyAtMs}`, readyAtMs);
  if (result.hub === null) {
    const stamps = { lastUpdatedDateTimeUtc, etag };
    return { ...attestation, registrationId, createdDateTimeUtc, status: 'failed', ...result.failure, ...stamps };
  }
  // The usual state without a spread: that would cost more than the rest.
  const state: RegistrationStateBody = {
    registrationId,
    createdDateTimeUtc,
    assignedHub: result.hub,
    deviceId: deviceIdOf(record, assignment),
    status: 'assigned',
    substatus: options.reportsEverySubstatus ? result.substatus : 'initialAssignment',
    lastUpdatedDateTimeUtc,
    etag,
  };
  if (attestation === null && !('payload' in result)) return state;
  return { ...attestation, ...state, ...('payload' in result ? { payload: result.payload } : {}) };
}

/** As someone who reads the records sees it: without the attestation. */
export function stateForReaders(record: RegistrationRecord, nowMs: number): RegistrationStateBody {
  const { x509: _, ...state } = registrationState(record, record.assignment, FOR_RECORDS, nowMs);
  return state;
}

/** Captures with X.509 begin with an empty object; those with a symmetric key do not have this member. */
function attestationMember({ enrollment }: RegistrationRecord, { namesEnrollmentGroup }: StateOptions): object | null {
  const { kind } = enrollment.attestation;
  if (namesEnrollmentGroup && enrollment.kind === 'group') {
    return { [kind]: { enrollmentGroupId: enrollment.enrollmentGroupId } };
  }
  return kind === 'x509' ? { x509: {} } : null;
}

/** One registration record as a line of the records file. Absent values are `null`. */
export type RecordLine = {
  readonly kind: 'registration';
  readonly idScope: string;
  readonly registrationId: string;
  /** `null` = an individual enrollment. */
  readonly enrollmentGroupId: string | null;
  readonly deviceId: string | null;
  readonly status: RegistrationStateBody['status'];
  readonly assignedHub: string | null;
  readonly substatus: string | null;
  readonly errorCode: number | null;
  /** From which the hub created the device's twin. */
  readonly initialTwin: object | null;
  /** Register requests accepted. */
  readonly registers: number;
  readonly createdDateTimeUtc: string;
  readonly lastUpdatedDateTimeUtc: string | null;
};

export function recordLine(idScope: string, record: RegistrationRecord, nowMs: number): RecordLine {
  const { enrollment, assignment, registers, createdAtMs } = record;
  const state = registrationState(record, assignment, FOR_RECORDS, nowMs);
  return {
    kind: 'registration',
    idScope,
    registrationId: state.registrationId,
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
