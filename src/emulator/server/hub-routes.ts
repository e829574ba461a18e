import { type Asked, type Route, read, send, sendError } from './control-route.ts';

/*
 * GET /hubs                            every linked hub, with its counters
 * GET /hubs/{host}/devices/{deviceId}  one device with its twin; 404 = the hub does not know it
 */
export const HUB_ROUTES: readonly Route[] = [
  read('GET', '/hubs', ({ response, source }) => send(response, 200, source.hubs.list())),
  read('GET', '/hubs/:id/devices/:id', sendDevice),
];

function sendDevice(asked: Asked): void {
  const { response, source, ids } = asked;
  const [host = '', deviceId = ''] = ids;
  const device = source.hubs.device(host, deviceId);
  if (device === null) sendError(asked, 404_000, 'No such hub or device.');
  else send(response, 200, device);
}
