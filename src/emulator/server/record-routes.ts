import { PAGING_HEADERS } from '../../dps/service-api.ts';
import { type Asked, pageItems, type Route, read, send, sendError } from './control-route.ts';

/*
 * GET  /registrations/{registrationId}              the device registration state of the service API; 404 = unknown
 * POST /registrations/{enrollmentGroupId}/query     the states of a group, as an array
 *      x-ms-max-item-count: how many; x-ms-continuation: the value from the previous page
 * GET  /counters   GET /faults
 */
export const RECORD_ROUTES: readonly Route[] = [
  read('GET', '/registrations/:id', sendRegistration),
  read('POST', '/registrations/:id/query', sendPage),
  read('GET', '/counters', ({ response, source }) => send(response, 200, source.service.counters)),
  read('GET', '/faults', ({ response, source }) => send(response, 200, source.faults.records)),
];

function sendRegistration(asked: Asked): void {
  const { response, source, idScope, id, nowMs } = asked;
  const state = source.service.registration(idScope, id, nowMs);
  if (state === null) sendError(asked, 404_201, 'Registration not found.');
  else send(response, 200, state);
}

/** The continuation is the index of the next item. */
function sendPage({ request, response, source, idScope, id, nowMs }: Asked): void {
  const continuation = request.headers[PAGING_HEADERS.continuation];
  const from = typeof continuation === 'string' && /^\d{1,9}$/.test(continuation) ? Number(continuation) : 0;
  const until = from + pageItems(request);
  const page: object[] = [];
  let place = 0;
  for (const state of source.service.registrationsOfGroup(idScope, id, nowMs)) {
    if (place === until) response.setHeader(PAGING_HEADERS.continuation, String(until));
    if (place >= until) break;
    if (place >= from) page.push(state());
    place += 1;
  }
  response.setHeader(PAGING_HEADERS.itemType, 'DeviceRegistration');
  send(response, 200, page);
}
