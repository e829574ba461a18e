import type { RegistrationStateBody } from '../../../dps/payloads.ts';
import { foldRegistrationId } from '../../../dps/registration-id.ts';
import type { Enrollment } from '../dps-instance.ts';
import { type RegistrationRecord, stateForReaders } from '../registration-record.ts';
import type { ApiCall, ApiOperation } from './api-call.ts';
import { API_ERRORS, type ApiAnswer, ApiRefusal, success } from './api-message.ts';
import { ifMatchIn, requireMatch } from './if-match.ts';
import { pageHeaders, readPageRequest } from './paging.ts';

/** Microsoft's SDKs for C, C# and Java check it. */
const ITEM_TYPE = 'DeviceRegistration';

export const REGISTRATION_OPERATIONS = {
  get: { permission: 'RegistrationStatusRead', run: get },
  delete: { permission: 'RegistrationStatusWrite', run: remove },
  ofGroup: { permission: 'RegistrationStatusRead', run: pageOfGroup },
} satisfies Record<string, ApiOperation>;

/** The state of a device with an individual enrollment; `null` = it has not registered with it. */
export function stateOfIndividual({ instance, nowMs }: ApiCall, enrollment: Enrollment): RegistrationStateBody | null {
  if (enrollment.kind === 'group') return null;
  const record = instance.records.get(foldRegistrationId(enrollment.registrationId));
  return record?.enrollment.kind === 'individual' ? stateForReaders(record, nowMs) : null;
}

function get(call: ApiCall): ApiAnswer {
  return success(stateForReaders(required(call), call.nowMs));
}

/** Its operations go with the record; the device's identity at its hub stays. */
function remove(call: ApiCall): ApiAnswer {
  const { instance, request, id, nowMs } = call;
  requireMatch(ifMatchIn(request.headers), stateForReaders(required(call), nowMs).etag ?? null);
  instance.deleteRecord(id);
  return success(null);
}

function required({ instance, id }: ApiCall): RegistrationRecord {
  const record = instance.records.get(foldRegistrationId(id));
  if (record === undefined) throw new ApiRefusal(API_ERRORS.registrationNotFound, 'Registration not found.');
  return record;
}

/** What a query says in its body, if it has one, is not evaluated. */
function pageOfGroup({ request, instance, id, behavior, nowMs }: ApiCall): ApiAnswer {
  const { itemsMax, after } = readPageRequest(request.headers, behavior.pageItemsMax);
  const page: RegistrationStateBody[] = [];
  let place: readonly [createdAtMs: number, sameTime: number] = [Number.NEGATIVE_INFINITY, 0];
  for (const record of instance.recordsOfGroup(id)) {
    const { createdAtMs } = record;
    // Records are in the order of their creation, and may be deleted meanwhile: so a place is a time, and how many share it.
    const next = [createdAtMs, createdAtMs === place[0] ? place[1] + 1 : 1] as const;
    if (page.length === itemsMax) return success(page, pageHeaders(ITEM_TYPE, itemsMax, place));
    if (isAfter(next, after)) page.push(stateForReaders(record, nowMs));
    place = next;
  }
  return success(page, pageHeaders(ITEM_TYPE, itemsMax, null));
}

function isAfter([createdAtMs, sameTime]: readonly [number, number], after: readonly number[] | null): boolean {
  const [afterMs = Number.NEGATIVE_INFINITY, afterSameTime = 0] = after ?? [];
  return createdAtMs > afterMs || (createdAtMs === afterMs && sameTime > afterSameTime);
}
