import type { RegistrationStateBody } from '../dps/payloads.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { type AuditedDevice, isOpen, wasSent } from './audited-device.ts';
import { type ClockBounds, isSurelyAfter, isSurelyBefore, TIME_ROUNDING_MS, timeOf } from './clock-bounds.ts';

export type AuditVerdict =
  | 'agrees' // the record says what the run says
  | 'differs' // it says something else: see the differences
  | 'missing' // the run was assigned a hub, and the service has no record
  | 'removed' // likewise, because dpsload cleanup deleted it
  | 'resolved' // the run does not know how the registration ended, and the record tells
  | 'unresolved' // neither does the record
  | 'not-sent'; // the run sent nothing for this row

export type Difference = 'hub' | 'device-id' | 'status' | 'registered-before';

/** What a record tells of a registration of which the run does not know enough. */
type Told = 'registered' | 'not-registered' | 'once' | 'twice' | 'cannot-tell';

export type RowAudit = {
  readonly verdict: AuditVerdict;
  /** Empty unless the verdict is `differs`. */
  readonly differences: readonly Difference[];
  /** `null` = the run knows enough. */
  readonly told: Told | null;
  /** Somebody registered the device again after the run, which is no difference as such. */
  readonly isRegisteredAgain: boolean;
  /** For people; `null` = nothing to say. */
  readonly finding: string | null;
};

/** What times are judged by. */
export type RunTimes = {
  readonly beganAtEpochMs: number;
  /** The end of the last session; of a run without one, when its records were read. */
  readonly endedAtEpochMs: number;
  readonly clock: ClockBounds;
};

/** After the last request, the service may take so long to end an assignment. */
const LATE_ASSIGNMENT_MS = 60_000;

/** A device whose record dpsload cleanup deleted, and that has none. */
export const REMOVED: RowAudit = {
  verdict: 'removed',
  differences: [],
  told: null,
  isRegisteredAgain: false,
  finding: 'deleted by dpsload cleanup',
};

/** Compares a record of the service with what the run says of the device. @param record `null` = the service has none */
export function compareRecord(device: AuditedDevice, record: RegistrationStateBody | null, times: RunTimes): RowAudit {
  const { outcome } = device.last;
  if (!wasSent(device)) return compareUnsent(record);
  if (isOpen(outcome)) return resolveOpen(device, record, times);
  if (outcome.result !== 'assigned') return compareFailed(device, record, times);
  if (record === null) return { ...AGREES, verdict: 'missing', told: toldOf(outcome, null, times), finding: NO_RECORD };
  return compareAssigned(device, record, times);
}

const AGREES: RowAudit = { verdict: 'agrees', differences: [], told: null, isRegisteredAgain: false, finding: null };

const NO_RECORD = 'the service has no record of the device';

function compareUnsent(record: RegistrationStateBody | null): RowAudit {
  const finding = record === null ? null : 'registered, though not by this run, which sent nothing for the device';
  return { ...AGREES, verdict: 'not-sent', finding };
}

function compareAssigned(device: AuditedDevice, record: RegistrationStateBody, times: RunTimes): RowAudit {
  const { outcome } = device.last;
  const order = orderOf(device, record, times);
  const contents = contentDifferences(outcome, record);
  const differences = order === 'before' ? [...contents, 'registered-before' as const] : contents;
  const isRegisteredAgain = order === 'after';
  return {
    verdict: differences.length === 0 ? 'agrees' : 'differs',
    differences,
    told: toldOf(outcome, record, times),
    isRegisteredAgain,
    finding: findingOf(outcome, record, differences, isRegisteredAgain),
  };
}

/** Where the record does not say assigned, its hub and device ID are those of before, or none. */
function contentDifferences(outcome: RegistrationOutcome, record: RegistrationStateBody): readonly Difference[] {
  return record.status === 'assigned' ? placeDifferences(outcome, record) : ['status'];
}

/** Where the run was told that the device is, and where the record says it is. */
export function placeDifferences(
  outcome: RegistrationOutcome,
  record: RegistrationStateBody,
): readonly ('hub' | 'device-id')[] {
  const hub = (record.assignedHub ?? '').toLowerCase();
  const isSameHub = hub === (outcome.assignedHub ?? '').toLowerCase();
  // Hubs compare device IDs with their case.
  const isSameDevice = outcome.deviceId === null || outcome.deviceId === (record.deviceId ?? '');
  return [...(isSameHub ? [] : ['hub' as const]), ...(isSameDevice ? [] : ['device-id' as const])];
}

/** When the record was last written, as compared with the registration that we know. */
function orderOf(
  { last: { outcome, clockEpochMs } }: AuditedDevice,
  record: RegistrationStateBody,
  { clock }: RunTimes,
): 'before' | 'same' | 'after' {
  const atMs = writtenAtMs(record);
  if (atMs === null) return 'same';
  // Both times are of one clock if the service told the device.
  const toldMs = timeOf(outcome.serviceUpdatedAt);
  if (toldMs !== null) {
    if (Math.abs(atMs - toldMs) <= TIME_ROUNDING_MS) return 'same';
    return atMs < toldMs ? 'before' : 'after';
  }
  const { startedAtMs, finishedAtMs } = outcome;
  if (startedAtMs !== null && isSurelyBefore(atMs, clockEpochMs + startedAtMs, clock)) return 'before';
  return finishedAtMs !== null && isSurelyAfter(atMs, clockEpochMs + finishedAtMs, clock) ? 'after' : 'same';
}

function writtenAtMs({ lastUpdatedDateTimeUtc, createdDateTimeUtc }: RegistrationStateBody): number | null {
  return timeOf(lastUpdatedDateTimeUtc) ?? timeOf(createdDateTimeUtc);
}

function findingOf(
  outcome: RegistrationOutcome,
  record: RegistrationStateBody,
  differences: readonly Difference[],
  isRegisteredAgain: boolean,
): string | null {
  const at = record.lastUpdatedDateTimeUtc ?? record.createdDateTimeUtc ?? 'an unknown time';
  const words: Readonly<Record<Difference, string>> = {
    hub: `hub ${record.assignedHub ?? 'none'} instead of ${outcome.assignedHub ?? 'none'}`,
    'device-id': `device ID ${record.deviceId ?? 'none'} instead of ${outcome.deviceId ?? 'none'}`,
    status: `status ${describeStatus(record)} instead of ${outcome.result}`,
    'registered-before': `last registered at ${at}, earlier than by this run`,
  };
  const again = isRegisteredAgain ? [`registered again at ${at}, after this run`] : [];
  const sentence = [...differences.map((one) => words[one]), ...again].join('; ');
  return sentence === '' ? null : sentence;
}

function describeStatus({ status, errorCode }: RegistrationStateBody): string {
  return errorCode === undefined ? status : `${status} (${errorCode})`;
}

/** A run that failed to register a device differs only from a record that says it is registered, and not from before. */
function compareFailed(device: AuditedDevice, record: RegistrationStateBody | null, { clock }: RunTimes): RowAudit {
  const { outcome, clockEpochMs } = device.last;
  if (record === null || record.status !== 'assigned') return AGREES;
  const [atMs, { startedAtMs, finishedAtMs }] = [writtenAtMs(record), outcome];
  if (atMs !== null && startedAtMs !== null && isSurelyBefore(atMs, clockEpochMs + startedAtMs, clock)) {
    return { ...AGREES, finding: 'still registered as before this run' };
  }
  const isRegisteredAgain =
    atMs !== null && finishedAtMs !== null && isSurelyAfter(atMs, clockEpochMs + finishedAtMs, clock);
  const differences = ['status'] as const;
  const finding = findingOf(outcome, record, differences, isRegisteredAgain);
  return { verdict: 'differs', differences, told: null, isRegisteredAgain, finding };
}

function resolveOpen(
  { last: { outcome, clockEpochMs } }: AuditedDevice,
  record: RegistrationStateBody | null,
  { beganAtEpochMs, endedAtEpochMs, clock }: RunTimes,
): RowAudit {
  const resolved = (told: Told, finding: string): RowAudit => {
    return { ...AGREES, verdict: told === 'cannot-tell' ? 'unresolved' : 'resolved', told, finding };
  };
  if (record === null) return resolved('not-registered', NO_RECORD);
  if (record.status === 'assigning' || record.status === 'unassigned') {
    return resolved('cannot-tell', `the service says ${record.status}`);
  }
  const fromMs = outcome.startedAtMs === null ? beganAtEpochMs : clockEpochMs + outcome.startedAtMs;
  const toMs = endedAtEpochMs + LATE_ASSIGNMENT_MS;
  const isWithin = (atMs: number): boolean => !isSurelyBefore(atMs, fromMs, clock) && !isSurelyAfter(atMs, toMs, clock);
  const [createdMs, atMs] = [timeOf(record.createdDateTimeUtc), writtenAtMs(record)];
  if (atMs === null) return resolved('cannot-tell', 'the record has no time');
  if (record.status !== 'assigned') {
    return resolved('not-registered', `the service says ${describeStatus(record)}`);
  }
  const where = `to ${record.assignedHub ?? 'no hub'}`;
  if (isWithin(atMs))
    return resolved('registered', `assigned ${where} at ${record.lastUpdatedDateTimeUtc}, within the run`);
  if (isSurelyBefore(atMs, fromMs, clock)) {
    return resolved('not-registered', `assigned ${where} before, and not again by this run`);
  }
  if (createdMs !== null && isWithin(createdMs)) {
    return resolved('registered', `first assigned at ${record.createdDateTimeUtc}, within the run, and again after it`);
  }
  return resolved('cannot-tell', `assigned ${where} at ${record.lastUpdatedDateTimeUtc}, after the run`);
}

/**
 * How often the service registered a device that the run may have registered twice. A first assignment that nothing followed was the only one;
 * a record that the run made, and that says more than a first assignment, was written again.
 */
function toldOf(
  outcome: RegistrationOutcome,
  record: RegistrationStateBody | null,
  { beganAtEpochMs, endedAtEpochMs, clock }: RunTimes,
): Told | null {
  if (!outcome.possiblyTwice) return null;
  const [createdMs, updatedMs] = [timeOf(record?.createdDateTimeUtc), timeOf(record?.lastUpdatedDateTimeUtc)];
  if (record === null || createdMs === null || updatedMs === null) return 'cannot-tell';
  const endMs = endedAtEpochMs + LATE_ASSIGNMENT_MS;
  const isOfRun = !isSurelyBefore(createdMs, beganAtEpochMs, clock) && !isSurelyAfter(updatedMs, endMs, clock);
  // Later rounds register every device again.
  if (!isOfRun || outcome.round > 1 || record.status !== 'assigned' || record.substatus === undefined)
    return 'cannot-tell';
  return record.substatus === 'initialAssignment' ? 'once' : 'twice';
}
