import { isJsonObject, type JsonObject, withoutNulls } from '../../../dps/json-object.ts';
import { BULK_ENTRIES_MAX, type BulkErrorBody, type BulkMode, type BulkResultBody } from '../../../dps/service-api.ts';
import type { Enrollment } from '../dps-instance.ts';
import type { ApiCall } from './api-call.ts';
import { type ApiAnswer, ApiRefusal, type ApiRequest, success } from './api-message.ts';
import { idMember, readId } from './enrollment-body.ts';
import { deleteEnrollment, putEnrollment } from './enrollment-writes.ts';
import { invalid, jsonBody, unreadable } from './json-body.ts';

/** By the spelling of none of the clients: one writes `updateIfMatchEtag`. */
const MODES: ReadonlyMap<string, BulkMode> = new Map(
  (['create', 'update', 'updateIfMatchETag', 'delete'] as const).map((mode) => [mode.toLowerCase(), mode]),
);

/** Carries out each entry by itself; those that fail are listed. */
export function bulk(kind: Enrollment['kind'], call: ApiCall): ApiAnswer {
  const body = jsonBody(call.request);
  const mode = MODES.get(String(body['mode']).toLowerCase());
  if (mode === undefined) throw invalid(`mode must be one of ${[...MODES.values()].join(', ')}`);
  const entries = entriesOf(kind, body);
  if (entries.length === 0 || entries.length > BULK_ENTRIES_MAX) {
    throw invalid(`a bulk operation has 1 to ${BULK_ENTRIES_MAX} entries`);
  }
  const errors = entries.flatMap((entry) => errorOf(entry, kind, mode, call) ?? []);
  const result: BulkResultBody = errors.length === 0 ? { isSuccessful: true, errors } : { isSuccessful: false, errors };
  return success(result);
}

/** How many entries a request has, as far as can be seen without refusing it. */
export function entryCount(kind: Enrollment['kind'], request: ApiRequest): number {
  try {
    return Math.min(BULK_ENTRIES_MAX, Math.max(1, entriesOf(kind, jsonBody(request)).length));
  } catch {
    return 1;
  }
}

function entriesOf(kind: Enrollment['kind'], body: JsonObject): readonly unknown[] {
  const member = kind === 'group' ? 'enrollmentGroups' : 'enrollments';
  const entries = body[member];
  if (!Array.isArray(entries)) throw unreadable(`${member} is not an array`);
  return entries;
}

/** Why an entry was not carried out; `null` = it was. */
function errorOf(entry: unknown, kind: Enrollment['kind'], mode: BulkMode, call: ApiCall): BulkErrorBody | null {
  const body = isJsonObject(entry) ? withoutNulls(entry) : {};
  try {
    const id = readId(body, kind, null);
    const etag = typeof body['etag'] === 'string' ? body['etag'] : null;
    if (mode === 'delete') deleteEnrollment(call, kind, id, null);
    else putEnrollment(call, kind, body, { id, condition: conditionOf(mode, etag) });
    return null;
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    const { errorCode, message: errorStatus } = error;
    return { [idMember(kind)]: String(body[idMember(kind)] ?? ''), errorCode, errorStatus };
  }
}

function conditionOf(mode: Exclude<BulkMode, 'delete'>, etag: string | null) {
  if (mode === 'create') return { exists: false } as const;
  if (mode === 'update') return { exists: true, etag: null } as const;
  if (etag === null) throw invalid('updateIfMatchETag needs the etag of each entry');
  return { exists: true, etag } as const;
}
