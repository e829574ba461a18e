import type { AuditedDevice, PlacedOutcome } from '../audit/audited-device.ts';
import { TIME_ROUNDING_MS, timeOf } from '../audit/clock-bounds.ts';
import { placeDifferences } from '../audit/compare-record.ts';
import type { RegistrationStateBody } from '../dps/payloads.ts';
import { type RegistrationOutcome, wasKnownBefore } from '../registration/registration-outcome.ts';

/** What to do with the registration record of a device that the run registered first. */
export type RecordRemoval =
  | { readonly state: 'delete'; readonly etag: string }
  | { readonly state: 'gone' }
  | { readonly state: 'kept'; readonly detail: string };

/**
 * Whether this run created the device's record: the service told the device that it was assigned for the first time. What the run does not know
 * for sure stays.
 *
 * @param runStartedAtEpochMs of the first session
 */
export function wasCreatedByRun({ outcomes }: AuditedDevice, runStartedAtEpochMs: number): boolean {
  return outcomes.some(({ outcome }) => isCreation(outcome) && !wasKnownBefore(outcome, runStartedAtEpochMs));
}

function isCreation({ result, substatus, serviceCreatedAt }: PlacedOutcome['outcome']): boolean {
  return result === 'assigned' && substatus === 'initialAssignment' && serviceCreatedAt !== null;
}

/**
 * Only the record that the run created may go, as the run left it: one that was created at another time is another record, and one that was
 * written later belongs to a device that somebody uses. A write between this and the deletion changes the ETag.
 *
 * @param device that `wasCreatedByRun`
 * @param record `null` = there is none
 */
export function recordRemoval({ outcomes }: AuditedDevice, record: RegistrationStateBody | null): RecordRemoval {
  if (record === null) return { state: 'gone' };
  const { createdDateTimeUtc, lastUpdatedDateTimeUtc, status, etag } = record;
  // What was read may be old by the time it is acted on.
  if (!etag) return { state: 'kept', detail: 'may have been changed since: it has no ETag' };
  if (status === 'assigning' || status === 'unassigned') return { state: 'kept', detail: `changed since: ${status}` };
  const known = outcomes.map(({ outcome }) => outcome).filter(({ result }) => result === 'assigned');
  const isOfRun = known.some(
    (outcome) => isCreation(outcome) && isSameTime(outcome.serviceCreatedAt, createdDateTimeUtc),
  );
  if (!isOfRun) return { state: 'kept', detail: `not the record of this run: created at ${createdDateTimeUtc}` };
  if (known.some((outcome) => isAsLeft(outcome, record))) return { state: 'delete', etag };
  return { state: 'kept', detail: `changed since: registered again at ${lastUpdatedDateTimeUtc}` };
}

/** Times alone do not tell: within their rounding, somebody else may have registered the device again. */
function isAsLeft(outcome: RegistrationOutcome, record: RegistrationStateBody): boolean {
  const { serviceUpdatedAt, serviceCreatedAt, substatus } = outcome;
  return (
    isSameTime(serviceUpdatedAt ?? serviceCreatedAt, record.lastUpdatedDateTimeUtc) &&
    placeDifferences(outcome, record).length === 0 &&
    (record.substatus === undefined || record.substatus === substatus)
  );
}

function isSameTime(one: string | null, other: string | undefined): boolean {
  const [oneMs, otherMs] = [timeOf(one), timeOf(other)];
  return oneMs !== null && otherMs !== null && Math.abs(oneMs - otherMs) <= TIME_ROUNDING_MS;
}
