import { foldRegistrationId } from '../../../dps/registration-id.ts';
import type { Attestation, Enrollment } from '../dps-instance.ts';
import { etagOf, type StoredEnrollment } from '../enrollment-store.ts';
import type { InstanceState } from '../instance-state.ts';
import type { ApiCall } from './api-call.ts';
import { API_ERRORS, ApiRefusal } from './api-message.ts';
import { readEnrollment } from './enrollment-body.ts';
import { etagMismatch, requireMatch } from './if-match.ts';
import { invalid } from './json-body.ts';

/** Limits of one instance. */
const ENROLLMENTS_MAX = 1_000_000;
const GROUPS_PER_ATTESTATION_MAX = 100;

/** Which entry a write may find: none, any, or the one with this etag. */
export type WriteCondition = { readonly exists: false } | { readonly exists: true; readonly etag: string | null };

export function storedEnrollment(
  { enrollments }: InstanceState,
  kind: Enrollment['kind'],
  id: string,
): StoredEnrollment | null {
  return kind === 'group' ? enrollments.groups.get(id) : enrollments.individuals.get(id);
}

/** Creates or replaces an enrollment. @param body of the request @throws ApiRefusal */
export function putEnrollment(
  call: ApiCall,
  kind: Enrollment['kind'],
  body: unknown,
  { id, condition }: { readonly id: string; readonly condition: WriteCondition },
): { readonly stored: StoredEnrollment; readonly hasNewKeys: boolean } {
  const { instance, behavior, nowMs, newKey } = call;
  const known = storedEnrollment(instance, kind, id);
  requireCondition(condition, known, behavior.missingEntry);
  const previous = known?.enrollment ?? null;
  let keysMade = 0;
  const countedKey = (): string => {
    keysMade += 1;
    return newKey();
  };
  const enrollment = readEnrollment(body, {
    kind,
    previous,
    settings: instance.settings,
    keepsKeys: behavior.keysOnUpdate === 'keep',
    newKey: countedKey,
  });
  requireRoom(instance, enrollment, previous);
  const { individuals, groups } = instance.enrollments;
  const stored = enrollment.kind === 'group' ? groups.put(enrollment, nowMs) : individuals.put(enrollment, nowMs);
  return { stored, hasNewKeys: known === null || keysMade > 0 };
}

/** An individual enrollment takes its registration record with it; the records of a group stay. @throws ApiRefusal */
export function deleteEnrollment(call: ApiCall, kind: Enrollment['kind'], id: string, etag: string | null): void {
  const { instance } = call;
  const { enrollments } = instance;
  const stored = storedEnrollment(instance, kind, id);
  if (stored === null) throw enrollmentNotFound();
  requireMatch(etag, etagOf(stored));
  if (kind === 'group') enrollments.groups.delete(id);
  else enrollments.individuals.delete(id);
  if (kind === 'group' || instance.records.get(foldRegistrationId(id))?.enrollment.kind !== 'individual') return;
  instance.deleteRecord(id);
}

export function enrollmentNotFound(): ApiRefusal {
  return new ApiRefusal(API_ERRORS.enrollmentNotFound, 'Enrollment not found.');
}

function requireCondition(
  condition: WriteCondition,
  known: StoredEnrollment | null,
  missingEntry: ApiCall['behavior']['missingEntry'],
): void {
  if (!condition.exists) {
    if (known !== null) throw new ApiRefusal(API_ERRORS.alreadyExists, 'The enrollment already exists.');
    return;
  }
  if (known !== null) requireMatch(condition.etag, etagOf(known));
  else if (missingEntry === 'not-found') throw enrollmentNotFound();
  else throw etagMismatch('Precondition failed: there is no such enrollment.');
}

function requireRoom({ enrollments }: InstanceState, enrollment: Enrollment, previous: Enrollment | null): void {
  if (enrollment.kind === 'individual') {
    if (previous !== null || enrollments.individuals.size < ENROLLMENTS_MAX) return;
    throw invalid(`an instance has at most ${ENROLLMENTS_MAX} individual enrollments`);
  }
  const { kind } = enrollment.attestation;
  if (previous?.attestation.kind === kind) return;
  const isOfKind = ({ attestation }: { readonly attestation: Attestation }): boolean => attestation.kind === kind;
  const groups = enrollments.groups.list().filter((group) => isOfKind(group.enrollment));
  if (groups.length < GROUPS_PER_ATTESTATION_MAX) return;
  throw invalid(`an instance has at most ${GROUPS_PER_ATTESTATION_MAX} enrollment groups with ${kind} attestation`);
}
