import type { Enrollment } from '../dps-instance.ts';
import { etagOf, type StoredEnrollment } from '../enrollment-store.ts';
import type { ApiCall, ApiOperation } from './api-call.ts';
import { type ApiAnswer, success } from './api-message.ts';
import { attestationBody } from './attestation-body.ts';
import { type BodyOptions, enrollmentBody, isSameId, readId } from './enrollment-body.ts';
import { bulk, entryCount } from './enrollment-bulk.ts';
import { deleteEnrollment, enrollmentNotFound, putEnrollment, storedEnrollment } from './enrollment-writes.ts';
import { ifMatchIn } from './if-match.ts';
import { invalid, jsonBody } from './json-body.ts';
import { pageHeaders, readPageRequest } from './paging.ts';
import { stateOfIndividual } from './registration-operations.ts';

/** Microsoft's SDKs for C, C# and Java check it. */
const ITEM_TYPES = { individual: 'Enrollment', group: 'EnrollmentGroup' } as const;

/** The operations of one collection of enrollments. */
export function enrollmentOperations(kind: Enrollment['kind']) {
  return {
    get: { permission: 'EnrollmentRead', run: (call) => get(kind, call) },
    put: { permission: 'EnrollmentWrite', run: (call) => put(kind, call) },
    delete: { permission: 'EnrollmentWrite', run: (call) => remove(kind, call) },
    query: { permission: 'EnrollmentRead', run: (call) => query(kind, call) },
    bulk: {
      permission: 'EnrollmentWrite',
      costOf: (request) => entryCount(kind, request),
      run: (call) => bulk(kind, call),
    },
    // Keys let devices in, so whoever may only read does not get them. In Entra ID it is an action of its own.
    attestation: { permission: 'EnrollmentWrite', run: (call) => attestation(kind, call) },
  } satisfies Record<string, ApiOperation>;
}

function get(kind: Enrollment['kind'], call: ApiCall): ApiAnswer {
  const stored = required(kind, call);
  return answer(stored, call, { withSecrets: false, registrationState: stateOfIndividual(call, stored.enrollment) });
}

function put(kind: Enrollment['kind'], call: ApiCall): ApiAnswer {
  const { request, id } = call;
  const body = jsonBody(request);
  if (!isSameId(readId(body, kind, null), id)) throw invalid('the ID of the body differs from that of the path');
  const etag = ifMatchIn(request.headers);
  const condition = etag === null ? ({ exists: false } as const) : ({ exists: true, etag } as const);
  const { stored, hasNewKeys } = putEnrollment(call, kind, body, { id, condition });
  return answer(stored, call, {
    withSecrets: hasNewKeys,
    registrationState: stateOfIndividual(call, stored.enrollment),
  });
}

function remove(kind: Enrollment['kind'], call: ApiCall): ApiAnswer {
  deleteEnrollment(call, kind, call.id, ifMatchIn(call.request.headers));
  return success(null);
}

function attestation(kind: Enrollment['kind'], call: ApiCall): ApiAnswer {
  const { enrollment } = required(kind, call);
  const options = { withSecrets: true, withCertificates: call.behavior.returnsCertificates };
  return success(attestationBody(enrollment.attestation, options));
}

/** The text of the query is not evaluated: the real service always gave all enrollments. */
function query(kind: Enrollment['kind'], { request, instance, behavior }: ApiCall): ApiAnswer {
  if (typeof jsonBody(request)['query'] !== 'string') throw invalid('query is required');
  const { itemsMax, after } = readPageRequest(request.headers, behavior.pageItemsMax);
  const { individuals, groups } = instance.enrollments;
  const list: readonly StoredEnrollment[] = kind === 'group' ? groups.list() : individuals.list();
  const from = firstAfter(list, after?.[0] ?? 0);
  const page = list.slice(from, from + itemsMax);
  const last = from + itemsMax < list.length ? page.at(-1) : undefined;
  const options = { withSecrets: false, withCertificates: behavior.returnsCertificates, registrationState: null };
  return success(
    page.map((stored) => enrollmentBody(stored, options)),
    pageHeaders(ITEM_TYPES[kind], itemsMax, last === undefined ? null : [last.createdInRevision]),
  );
}

/** Index of the first that was created after a revision: the list is in this order. */
function firstAfter(list: readonly StoredEnrollment[], revision: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((list[middle]?.createdInRevision ?? 0) > revision) high = middle;
    else low = middle + 1;
  }
  return low;
}

function required(kind: Enrollment['kind'], { instance, id }: ApiCall): StoredEnrollment {
  const stored = storedEnrollment(instance, kind, id);
  if (stored === null) throw enrollmentNotFound();
  return stored;
}

function answer(
  stored: StoredEnrollment,
  { behavior }: ApiCall,
  options: Omit<BodyOptions, 'withCertificates'>,
): ApiAnswer {
  const { returnsCertificates: withCertificates, etagHeader } = behavior;
  const headers = etagHeader ? { etag: `"${etagOf(stored)}"` } : {};
  return success(enrollmentBody(stored, { ...options, withCertificates }), headers);
}
